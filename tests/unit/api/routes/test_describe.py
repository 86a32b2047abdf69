"""The OpenAPI document: whole, and its examples are what the API accepts."""

import json
import re
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from services.api.domain import batches
from services.api.domain.batches import BatchRequest
from services.api.domain.content import to_command
from services.api.main import build
from services.api.routes import batches as batch_routes
from services.api.routes import emails, suppressions, templates
from services.api.settings import ApiSettings
from shared.acceptance import Accepted, check
from shared.commands import Content
from shared.problems import PROBLEMS
from shared.records import TemplateVersion

INVOICE = TemplateVersion(tenant="default", name="invoice", version=1, subject="s", required=("number", "year"))


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    found: dict[str, Any] = build(ApiSettings(recipient_key="cd" * 32)).openapi()
    return found


def operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for path in document["paths"].values() for operation in path.values()]


def test_it_names_all_routes_of_the_contract(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    named = {f"{method.upper()} {path}" for path, item in document["paths"].items() for method in item}
    assert named >= {
        "POST /v1/emails",
        "GET /v1/emails",
        "GET /v1/emails/{email_id}",
        "PATCH /v1/emails/{email_id}",
        "GET /v1/emails/{email_id}/events",
        "POST /v1/emails/{email_id}/cancel",
        "POST /v1/emails/{email_id}/retry",
        "POST /v1/batches",
        "GET /v1/batches/{batch_id}",
        "POST /v1/batches/{batch_id}/pause",
        "POST /v1/batches/{batch_id}/resume",
        "GET /v1/reports/summary",
        "PUT /v1/templates/{name}",
        "GET /v1/templates/{name}",
        "GET /v1/suppressions",
        "POST /v1/suppressions",
        "POST /v1/suppressions/bulk",
        "DELETE /v1/suppressions",
        "GET /healthz",
        "GET /readyz",
        "GET /metrics",
    }


def test_every_reference_resolves_and_every_operation_has_an_id_of_its_own(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for name in re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)):
        assert name in schemas
    ids = [operation["operationId"] for operation in operations(document)]
    assert all(re.fullmatch("[a-z]+(_[a-z]+)*", one) for one in ids), "clients are generated from these"
    assert len(ids) == len(set(ids))


def test_all_of_v1_needs_a_key_and_says_how_it_fails(document: dict[str, Any]) -> None:
    for path, item in document["paths"].items():
        for operation in item.values():
            assert ("security" in operation) == path.startswith("/v1/")
            if path.startswith("/v1/"):
                assert "application/problem+json" in operation["responses"]["default"]["content"]
                assert "422" not in operation["responses"]


def test_every_code_of_the_catalogue_is_named(document: dict[str, Any]) -> None:
    assert document["components"]["schemas"]["ProblemDocument"]["properties"]["code"]["enum"] == list(PROBLEMS)


def test_what_waits_for_the_sender_may_answer_later(document: dict[str, Any]) -> None:
    asked = [one["operationId"] for one in operations(document) if {"200", "202"} <= {*one["responses"]}]
    assert {"reschedule_email", "cancel_email", "resolve_email"} <= {*asked}


def test_every_body_has_an_example(document: dict[str, Any]) -> None:
    bodies = [
        operation["requestBody"]["content"]["application/json"]
        for operation in operations(document)
        if "requestBody" in operation
    ]
    assert len(bodies) > 12
    assert all(body["example"] for body in bodies)


def accepted(content: Content) -> bool:
    command = to_command(content, email_id=uuid4(), tenant="default", command_id=uuid4())
    template = INVOICE if content.template else None
    domains = frozenset({"acme.test"})
    now = datetime(2026, 11, 3, tzinfo=UTC)
    checked = check(command, sending_domains=domains, template=template, broadcast_ready=True, now=now)
    return isinstance(checked, Accepted)


def test_the_examples_are_accepted() -> None:
    assert accepted(msgspec.convert(emails.EXAMPLE, Content))
    batch = msgspec.convert(batch_routes.EXAMPLE, BatchRequest)
    assert batches.check(batch) is None
    for item in batches.items(batch):
        assert isinstance(item.content, Content) and accepted(item.content)
    assert templates.EXAMPLE["subject"] and suppressions.EXAMPLE["recipient"]
