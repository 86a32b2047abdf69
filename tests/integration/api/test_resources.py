"""Batches, templates and suppressions on the log."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from shared.commands import SendEmail
from shared.db.state import templates
from shared.events import (
    BatchCancelled,
    BatchClosed,
    BatchOpened,
    BatchPaused,
    BatchResumed,
    SuppressionAdded,
    SuppressionRemoved,
)
from shared.records import decode_control, decode_suppression, decode_template
from shared.tokens import recipient_ref
from shared.topics import CONTROLS, EVENTS, REQUESTS_BULK, SUPPRESSIONS, TEMPLATES
from tests.integration.api.stage import EMAIL, Stage
from tests.logs import read

pytestmark = pytest.mark.integration
REF = recipient_ref(key=bytes.fromhex("cd" * 32), tenant="default", address="ada@example.org")


def last_values(stage: Stage, topic: str) -> dict[str, bytes | None]:
    values: dict[str, bytes | None] = {}
    for message in read(stage.settings, topic):
        key: Any = message.key()
        values[key.decode()] = message.value()
    return values


def test_a_thousand_emails_in_one_batch(stage: Stage, client: TestClient) -> None:
    emails: list[dict[str, Any]] = [{"to": f"reader{n}@example.org", "variables": {"n": n}} for n in range(1000)]
    emails[500] = {"to": "nobody"}
    assert client.put("/v1/templates/news", json={"subject": "{{ n }}", "text": "{{ n }}"}).status_code == 200
    body = {"defaults": {"from": EMAIL["from"], "template": "news"}, "tags": ["q4"], "emails": emails}
    headers = {"Idempotency-Key": "run-7"}
    answer = client.post("/v1/batches", json=body, headers=headers)
    receipt = answer.json()
    assert answer.status_code == 202
    assert (receipt["acknowledged"], receipt["refused"], len(receipt["emails"])) == (999, 1, 1000)
    assert receipt["emails"][500]["problem"]["code"] == "invalid_address"
    commands = stage.commands()
    accepted = {one["email_id"] for one in receipt["emails"] if "email_id" in one}
    assert {str(one.email_id) for one in commands} == accepted and len(commands) == 999
    assert len(read(stage.settings, REQUESTS_BULK.name)) == 999
    opened, closed = stage.facts()
    assert isinstance(opened, BatchOpened) and isinstance(closed, BatchClosed)
    assert (str(opened.batch_id), opened.template, opened.tags) == (receipt["batch_id"], "news", ("q4",))
    assert (closed.acknowledged, closed.refused) == (999, 1)
    assert client.post("/v1/batches", json=body, headers=headers).json() == receipt
    assert len(stage.commands()) == 999
    other = body | {"emails": [*emails[:-1], {"to": "else@example.org", "variables": {"n": 0}}]}
    conflict = client.post("/v1/batches", json=other, headers=headers)
    assert (conflict.status_code, conflict.json()["code"]) == (422, "idempotency_conflict")
    assert conflict.json()["errors"] == [
        {"code": "idempotency_conflict", "detail": "this key came with another body", "index": 999}
    ]


def test_a_batch_is_paused_and_resumed(stage: Stage, client: TestClient) -> None:
    batch_id = client.post("/v1/batches", json={"emails": [EMAIL]}).json()["batch_id"]
    key = f"default/batch/{batch_id}"
    for action, paused in (("pause", True), ("resume", False)):
        answer = client.post(f"/v1/batches/{batch_id}/{action}")
        assert (answer.status_code, answer.json()) == (202, {"batch_id": batch_id, "paused": paused})
        control = decode_control(last_values(stage, CONTROLS.name)[key] or b"")
        assert (control.tenant, control.kind, control.name, control.paused) == ("default", "batch", batch_id, paused)
    assert [type(one) for one in stage.facts()] == [BatchOpened, BatchClosed, BatchPaused, BatchResumed]


def test_a_batch_is_cancelled_for_good(stage: Stage, client: TestClient) -> None:
    batch_id = client.post("/v1/batches", json={"emails": [EMAIL]}).json()["batch_id"]
    path, reason = f"/v1/batches/{batch_id}", {"reason": "the wrong list"}
    for body in (reason, None):  # asked again it is the same
        answer = client.post(f"{path}/cancel", json=body) if body else client.post(f"{path}/cancel")
        assert (answer.status_code, answer.json()) == (202, {"batch_id": batch_id, "asked": "cancel"})
        wait_for(lambda: client.post(f"{path}/pause").json().get("code") == "batch_cancelled")
    control = decode_control(last_values(stage, CONTROLS.name)[f"default/cancelled/{batch_id}"] or b"")
    assert (control.kind, control.reason) == ("cancelled", "the wrong list")
    first, second = (one for one in stage.facts() if isinstance(one, BatchCancelled))
    assert first == second and first.reason == "the wrong list"
    assert client.post(f"{path}/resume").status_code == 409
    assert client.post(f"{path}/cancel", json={"reason": "a\nb"}).status_code == 422
    with stage.client(tenant="other") as other:
        headers = {"Prefer": "wait=0"}
        assert other.post(f"{path}/cancel", headers=headers).status_code == 404


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_templates_have_immutable_versions(stage: Stage, client: TestClient) -> None:
    first = client.put("/v1/templates/hello", json={"subject": "Hello", "text": "{{ name }}"})
    assert (first.status_code, first.headers["etag"], first.json()["required"]) == (200, '"1"', ["name"])
    assert client.put("/v1/templates/hello", json={"subject": "Hello", "text": "{{ name }}"}).json()["version"] == 1
    second = client.put("/v1/templates/hello", json={"subject": "Hello 2", "text": "{{ name }}"})
    assert second.json()["version"] == 2
    shown = client.get("/v1/templates/hello")
    assert (shown.json()["subject"], shown.headers["etag"]) == ("Hello 2", '"2"')
    assert client.get("/v1/templates/hello?version=1").json()["subject"] == "Hello"
    with stage.client() as another:
        assert another.get("/v1/templates/hello").json() == shown.json()
        assert another.put("/v1/templates/hello", json={"subject": "3", "text": "t"}).json()["version"] == 3
    asked = {"from": EMAIL["from"], "to": "ada@example.org", "template": "hello"}
    assert client.post("/v1/emails", json=asked).status_code == 202
    records = {key: decode_template(value or b"") for key, value in last_values(stage, TEMPLATES.name).items()}
    assert sorted(records) == ["default/hello", "default/hello/1", "default/hello/2", "default/hello/3"]
    assert records["default/hello"].version == 3
    with stage.engine.connect() as connection:
        rows = connection.execute(select(templates.c.version, templates.c.subject).order_by(templates.c.version)).all()
    assert [tuple(row) for row in rows] == [(1, "Hello"), (2, "Hello 2"), (3, "3")]


def test_publishing_at_once_gives_each_a_number_of_its_own(stage: Stage, client: TestClient) -> None:
    def publish(number: int) -> int:
        answer = client.put("/v1/templates/busy", json={"subject": f"s{number}", "text": "t"})
        return int(answer.json()["version"])

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(publish, range(6))) == [1, 2, 3, 4, 5, 6]
    with stage.client(tenant="other") as other:
        assert other.get("/v1/templates/busy").status_code == 404
        assert other.put("/v1/templates/busy", json={"subject": "mine", "text": "t"}).json()["version"] == 1


def test_suppressions_are_records_and_facts(stage: Stage, client: TestClient) -> None:
    added = client.post("/v1/suppressions", json={"recipient": "Ada@example.org", "scope": "list:news"})
    assert (added.status_code, added.json()["recipient_ref"]) == (201, REF)
    key = f"default/list:news/{REF}"
    record = decode_suppression(last_values(stage, SUPPRESSIONS.name)[key] or b"")
    assert (record.scope, record.reason, record.recipient_ref) == ("list:news", "manual", REF)
    gone = client.delete("/v1/suppressions", params={"recipient": "ada@example.org", "scope": "list:news"})
    assert (gone.status_code, gone.content) == (204, b"")
    assert last_values(stage, SUPPRESSIONS.name) == {key: None}
    facts = stage.facts()
    assert [type(one) for one in facts] == [SuppressionAdded, SuppressionRemoved]
    assert not any(b"example.org" in (message.value() or b"") for message in read(stage.settings, EVENTS.name))


def test_the_tenant_is_the_keys_alone(stage: Stage) -> None:
    with stage.client(tenant="acme") as client:
        assert client.post("/v1/emails", json=EMAIL).status_code == 202
        assert client.post("/v1/suppressions", json={"recipient": "ada@example.org"}).json()["recipient_ref"] != REF
    assert [one.tenant for one in stage.commands() if isinstance(one, SendEmail)] == ["acme"]
    assert [one.tenant for one in stage.facts()] == ["acme"]
