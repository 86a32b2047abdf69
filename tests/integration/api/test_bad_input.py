"""Bad input over HTTP: a problem document that names the field and how to mend it, and nothing produced."""

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from shared.problems import PROBLEMS
from tests.integration.api.stage import EMAIL, Stage

pytestmark = pytest.mark.integration

GOOD = json.dumps(EMAIL)[:-1]


def email(**changes: Any) -> str:
    return json.dumps({name: value for name, value in (EMAIL | changes).items() if value is not None})


BODIES: list[tuple[str | bytes, int, str, str | None]] = [
    ("", 400, "malformed_json", None),
    ("{", 400, "malformed_json", None),
    (b"\xff\xfe", 400, "malformed_json", None),
    (GOOD + "} x", 400, "malformed_json", None),
    ("[]", 422, "wrong_type", None),
    (email(colour="red"), 422, "unknown_field", "colour"),
    (email(tenant="other"), 422, "unknown_field", "tenant"),
    (email(email_id="0193a5c0-0000-7000-8000-000000000001"), 422, "unknown_field", "email_id"),
    (email(html_blob="a" * 64), 422, "unknown_field", "html_blob"),
    (email(subject=5), 422, "wrong_type", "subject"),
    (email(send_at="tomorrow"), 422, "wrong_type", "send_at"),
    (email(to=None), 422, "missing_field", "to"),
    (email(attachments=[{"content": ""}]), 422, "missing_field", "attachments[0].filename"),
    (email(tags=["t"] * 21), 422, "too_many_items", "tags"),
    (email(headers={f"X-{n}": "v" for n in range(51)}), 422, "too_many_items", "headers"),
    (GOOD + ',"variables":{"a":' + "[" * 100_000 + "]" * 100_000 + "}}", 422, "nesting_too_deep", None),
    (GOOD + ',"variables":{"a":' + "[" * 50 + "]" * 50 + "}}", 422, "nesting_too_deep", "variables"),
    (email(text="x" * 2_200_000), 413, "body_too_large", None),
    (email(subject="Hi\r\nBcc: eve@example.org"), 422, "invalid_characters", "subject"),
    (email(to={"email": "ada@example.org", "name": "A\x00"}), 422, "invalid_characters", "to.name"),
    (email(headers={"X-A": "a\nb"}), 422, "invalid_characters", "headers.X-A"),
    (email(tags=["a\x7f"]), 422, "invalid_characters", "tags[0]"),
    (email(attachments=[{"filename": "a\r\n", "content": ""}]), 422, "invalid_characters", "attachments[0].filename"),
    (email(to="nobody"), 422, "invalid_address", "to"),
    (email(**{"from": "shop@elsewhere.test"}), 422, "unknown_sender_domain", "from"),
    (email(headers={"DKIM-Signature": "x"}), 422, "header_not_allowed", "headers.DKIM-Signature"),
    (email(text=None), 422, "content_missing", "html"),
    (email(subject=None, text=None, template="unheard-of"), 422, "unknown_template", "template"),
    (email(attachments=[{"filename": "a", "content": "!"}]), 422, "attachment_invalid", "attachments[0].content"),
    (email(send_at="2126-01-01T00:00:00Z"), 422, "send_at_too_far", "send_at"),
    (email(expires_at="2020-01-01T00:00:00Z"), 422, "already_expired", "expires_at"),
]


def check(response: Any, *, status: int, code: str, field: str | None) -> None:
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert (response.status_code, body["status"], body["code"], body.get("field")) == (status, status, code, field)
    assert (body["type"], body["title"], body["mend"]) == (
        f"/errors/{code}",
        PROBLEMS[code].title,
        PROBLEMS[code].mend,
    )
    assert not any(part in response.text for part in ("ada@example.org", "eve@example.org", "elsewhere.test"))


def test_every_bad_body_has_its_problem_and_nothing_is_produced(stage: Stage, client: TestClient) -> None:
    for body, status, code, field in BODIES:
        check(client.post("/v1/emails", content=body), status=status, code=code, field=field)
    assert stage.commands() == [] and stage.facts() == []


def test_bodies_without_a_length_are_measured_as_they_come(stage: Stage, client: TestClient) -> None:
    def pieces() -> Iterator[bytes]:
        yield b'{"subject":"'
        yield from (b"x" * 65536 for _ in range(40))

    check(client.post("/v1/emails", content=pieces()), status=413, code="body_too_large", field=None)


def test_compressed_bodies_are_refused_unread(client: TestClient) -> None:
    headers = {"Content-Encoding": "gzip"}
    response = client.post("/v1/emails", content=gzip.compress(b" " * 10**7), headers=headers)
    check(response, status=415, code="unsupported_encoding", field=None)


def test_a_template_needs_its_variables(stage: Stage, client: TestClient) -> None:
    assert client.put("/v1/templates/hello", json={"subject": "{{ a }}", "text": "{{ b }}"}).status_code == 200
    asked = email(subject=None, text=None, template="hello", variables={"a": 1})
    check(client.post("/v1/emails", content=asked), status=422, code="missing_variable", field="variables.b")
    assert stage.commands() == []


def test_broadcast_without_a_postal_address(stage: Stage) -> None:
    stage.settings.postal_address = None
    with stage.client() as client:
        response = client.post("/v1/emails", content=email(stream="broadcast"))
        check(response, status=422, code="postal_address_missing", field="stream")


def test_batches(stage: Stage, client: TestClient) -> None:
    for body, status, code, field in (
        ("{", 400, "malformed_json", None),
        ({"emails": {}}, 422, "wrong_type", "emails"),
        ({"emails": [3]}, 422, "wrong_type", "emails[0]"),
        ({"emails": []}, 422, "missing_field", "emails"),
        ({}, 422, "missing_field", "emails"),
        ({"emails": [EMAIL] * 1001}, 422, "too_many_items", "emails"),
        ({"emails": [EMAIL | {"to": "nobody"}]}, 422, "content_missing", None),
    ):
        sent = body if isinstance(body, str) else json.dumps(body)
        check(client.post("/v1/batches", content=sent), status=status, code=code, field=field)
    assert stage.commands() == [] and stage.facts() == []


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v1/emails?status=lost", "status"),
        ("/v1/emails?limit=0", "limit"),
        ("/v1/emails?limit=x", "limit"),
        ("/v1/emails?batch_id=x", "batch_id"),
        ("/v1/emails?cursor=x", "cursor"),
        ("/v1/suppressions?cursor=%00", "cursor"),
        ("/v1/reports/summary?by=weather", "by"),
        ("/v1/reports/summary?from=2026-02-30", "from"),
        ("/v1/reports/summary?from=2026-01-02&to=2026-01-01", "from"),
        ("/v1/templates/x?version=0", "version"),
    ],
)
def test_parameters(client: TestClient, path: str, field: str) -> None:
    check(client.get(path), status=400, code="invalid_parameter", field=field)


def test_keys_of_idempotency(client: TestClient) -> None:
    response = client.post("/v1/emails", content=email(), headers={"Idempotency-Key": "a b"})
    check(response, status=400, code="invalid_parameter", field="Idempotency-Key")


def test_paths_and_methods(client: TestClient) -> None:
    check(client.get("/v2/emails"), status=404, code="not_found", field=None)
    response = client.put("/v1/emails")
    check(response, status=405, code="method_not_allowed", field=None)
    assert response.headers["allow"] == "GET, POST"


def test_each_type_of_problem_has_its_page(client: TestClient) -> None:
    for problem in PROBLEMS.values():
        page = client.get(problem.type)
        assert page.status_code == 200 and problem.mend in page.text
    assert client.get("/errors").text.count("HTTP status") == len(PROBLEMS)
    assert client.get("/errors/nonsense").status_code == 404
