"""Single emails: a record on Kafka before the 202, repeats that are one email, cancellation answered by the log."""

import base64
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread, Timer
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from starlette.testclient import TestClient

from shared.commands import CancelEmail, RescheduleEmail, SendEmail, request_hash
from shared.db import read_models
from shared.events import EmailCancelled, EmailCancelRefused, EmailRequestRefused, EmailRescheduled, codec
from shared.topics import REQUESTS, REQUESTS_BULK, partition_for
from tests.integration.api.stage import EMAIL, Stage, email_row
from tests.logs import read

pytestmark = pytest.mark.integration
NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
PATIENT = {"Prefer": "wait=20"}


def test_a_record_stands_in_its_partition_when_202_is_answered(stage: Stage, client: TestClient) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    response = client.post("/v1/emails", json=EMAIL, headers={"traceparent": trace})
    assert response.status_code == 202
    body = response.json()
    assert body["status"] == "received"
    assert response.headers["location"] == f"/v1/emails/{body['email_id']}"
    (message,) = read(stage.settings, REQUESTS.name)
    assert message.key() == str(body["email_id"]).encode()
    assert message.partition() == partition_for(str(body["email_id"]).encode(), 3)
    headers: list[Any] = list(message.headers() or [])
    assert ("traceparent", trace.encode()) in headers and ("ce_source", b"/postlog/api") in headers
    (command,) = stage.commands()
    assert isinstance(command, SendEmail)
    assert (str(command.email_id), command.tenant, command.to) == (body["email_id"], "default", "ada@example.org")


def test_broadcast_goes_to_the_bulk_topic(stage: Stage, client: TestClient) -> None:
    assert client.post("/v1/emails", json=EMAIL | {"stream": "broadcast", "list": "news"}).status_code == 202
    assert len(read(stage.settings, REQUESTS_BULK.name)) == 1


def test_large_parts_are_in_the_blob_store(stage: Stage, client: TestClient, tmp_path: Path) -> None:
    data = base64.b64encode(b"%PDF-1.7").decode()
    html = "<p>" + "x" * 100_000
    body = EMAIL | {"html": html, "attachments": [{"filename": "a.pdf", "content": data}]}
    assert client.post("/v1/emails", json=body).status_code == 202
    (command,) = stage.commands()
    assert isinstance(command, SendEmail)
    stored = {path.name: path.read_bytes() for path in (tmp_path / "blobs").rglob("*") if path.is_file()}
    assert stored == {command.html_blob: html.encode(), command.attachments[0].blob: b"%PDF-1.7"}


def test_a_repeat_is_the_same_email_also_for_another_process(stage: Stage, client: TestClient) -> None:
    headers = {"Idempotency-Key": "order-4711"}
    with ThreadPoolExecutor(8) as pool:
        at_once = list(pool.map(lambda _: client.post("/v1/emails", json=EMAIL, headers=headers), range(8)))
    assert {answer.status_code for answer in at_once} == {202}
    (email_id,) = {answer.json()["email_id"] for answer in at_once}
    assert client.post("/v1/emails", json=EMAIL, headers=headers).json()["email_id"] == email_id
    written = stage.commands()
    assert len({request_hash(command) for command in written if isinstance(command, SendEmail)}) == 1
    first = written[0]
    assert isinstance(first, SendEmail)
    row = email_row(UUID(email_id), request_hash=request_hash(first), updated_at=NOW)
    stage.put(read_models.emails, row)
    with stage.client() as restarted:
        assert restarted.post("/v1/emails", json=EMAIL, headers=headers).json()["email_id"] == email_id
        conflict = restarted.post("/v1/emails", json=EMAIL | {"text": "Other"}, headers=headers)
        assert (conflict.status_code, conflict.json()["code"]) == (422, "idempotency_conflict")
    assert len(stage.commands()) == len(written)


def test_another_body_under_the_same_key_at_once(stage: Stage, client: TestClient) -> None:
    headers = {"Idempotency-Key": "k"}
    assert client.post("/v1/emails", json=EMAIL, headers=headers).status_code == 202
    conflict = client.post("/v1/emails", json=EMAIL | {"text": "Other"}, headers=headers)
    assert (conflict.status_code, conflict.json()["code"]) == (422, "idempotency_conflict")
    assert len(stage.commands()) == 1


def ask_and_answer(stage: Stage, ask: Callable[[UUID], Any], kind: Any, **fields: Any) -> Any:
    """Ask something of an email, and write the sender's answer into the read models a moment later."""
    email_id = uuid4()
    stage.put(read_models.emails, email_row(email_id, updated_at=NOW))

    def answer() -> None:
        while not (asked := [one for one in stage.commands() if one.email_id == email_id]):
            pass
        (command,) = asked
        fact = kind(
            event_id=uuid4(),
            occurred_at=NOW,
            tenant="default",
            causation_id=command.command_id,
            email_id=email_id,
            stream="transactional",
            **fields,
        )
        row = {
            "partition": 0,
            "offset": uuid4().int % 10**9,
            "event_id": fact.event_id,
            "tenant": "default",
            "email_id": email_id,
            "type": codec.event_type(fact),
            "causation_id": fact.causation_id,
            "occurred_at": NOW,
            "logged_at": NOW,
            "body": msgspec.to_builtins(fact),
        }
        stage.put(read_models.events, row)

    sender = Thread(target=answer)
    sender.start()
    response = ask(email_id)
    sender.join()
    assert response.headers.get("preference-applied", "wait=20") == "wait=20"
    return response


def cancel_and_answer(stage: Stage, client: TestClient, kind: Any, **fields: Any) -> Any:
    """Cancel, and answer."""

    def ask(email_id: UUID) -> Any:
        return client.post(f"/v1/emails/{email_id}/cancel", json={"reason": "mistake"}, headers=PATIENT)

    return ask_and_answer(stage, ask, kind, **fields)


def test_an_email_gets_another_time(stage: Stage, client: TestClient) -> None:
    later = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)

    def ask(email_id: UUID) -> Any:
        return client.patch(f"/v1/emails/{email_id}", json={"send_at": later.isoformat()}, headers=PATIENT)

    done = ask_and_answer(stage, ask, EmailRescheduled, send_at=later)
    assert (done.status_code, done.json()["status"]) == (200, "scheduled")
    assert datetime.fromisoformat(done.json()["send_at"]) == later
    late = ask_and_answer(stage, ask, EmailRequestRefused, error_code="too_late")
    assert (late.status_code, late.json()["code"]) == (409, "too_late")
    commands = stage.commands()
    assert all(isinstance(one, RescheduleEmail) and one.send_at == later for one in commands) and len(commands) == 2
    unknown = client.patch(f"/v1/emails/{uuid4()}", json={"send_at": later.isoformat()}, headers={"Prefer": "wait=0"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_email")
    far = client.patch(f"/v1/emails/{uuid4()}", json={"send_at": "2126-01-01T00:00:00Z"})
    assert (far.status_code, far.json()["code"], far.json()["field"]) == (422, "send_at_too_far", "send_at")
    assert len(stage.commands()) == 3


def test_cancel_is_answered_exactly(stage: Stage, client: TestClient) -> None:
    done = cancel_and_answer(stage, client, EmailCancelled, by="api")
    assert (done.status_code, done.json()["status"]) == (200, "cancelled")
    late = cancel_and_answer(stage, client, EmailCancelRefused, reason="the email is sending")
    assert (late.status_code, late.json()["code"]) == (409, "too_late")
    final = cancel_and_answer(stage, client, EmailRequestRefused, error_code="already_final")
    assert (final.status_code, final.json()["code"]) == (409, "already_final")


def test_cancel_without_an_answer_in_time(stage: Stage, client: TestClient) -> None:
    email_id = client.post("/v1/emails", json=EMAIL).json()["email_id"]
    response = client.post(f"/v1/emails/{email_id}/cancel", headers={"Prefer": "wait=0"})
    assert (response.status_code, response.json()["status"]) == (202, "requested")
    assert response.headers["preference-applied"] == "wait=0"
    asked = [str(one.command_id) for one in stage.commands() if isinstance(one, CancelEmail)]
    assert asked == [response.json()["command_id"]]


def test_an_email_is_waited_for(stage: Stage, client: TestClient) -> None:
    email_id = UUID(client.post("/v1/emails", json=EMAIL).json()["email_id"])
    assert client.get(f"/v1/emails/{email_id}").status_code == 404
    stage.sender_decides()
    timer = Timer(0.4, stage.put, [read_models.emails, email_row(email_id, updated_at=NOW)])
    timer.start()
    response = client.get(f"/v1/emails/{email_id}", headers={"Prefer": "wait=20"})
    timer.join()
    assert (response.status_code, response.json()["status"]) == (200, "queued")
    assert response.headers["preference-applied"] == "wait=20"


def test_unknown_and_foreign_ids_get_the_same_404(stage: Stage, client: TestClient) -> None:
    foreign, batch = uuid4(), uuid4()
    stage.put(read_models.emails, email_row(foreign, tenant="other", batch_id=batch, updated_at=NOW))
    stage.put(read_models.batches, {"tenant": "other", "batch_id": batch, "stream": "broadcast"})
    with stage.client(tenant="other") as other:
        assert other.get(f"/v1/emails/{foreign}").status_code == 200
        assert other.get(f"/v1/batches/{batch}").status_code == 200
        assert len(other.get("/v1/emails").json()["emails"]) == 1
    hurry = {"Prefer": "wait=0"}
    for name, known in (("emails", foreign), ("batches", batch)):
        answers = [client.get(f"/v1/{name}/{each}") for each in (known, uuid4(), "nonsense")]
        assert {answer.status_code for answer in answers} == {404}
        assert len({answer.text for answer in answers}) == 1
    cancels = [client.post(f"/v1/emails/{each}/cancel", headers=hurry) for each in (foreign, uuid4(), "nonsense")]
    pauses = [client.post(f"/v1/batches/{each}/pause", headers=hurry) for each in (batch, uuid4(), "nonsense")]
    for answers in (cancels, pauses):
        assert {answer.status_code for answer in answers} == {404}
        assert len({answer.text for answer in answers}) == 1
    assert client.get(f"/v1/emails?batch_id={batch}").json()["emails"] == []
    assert {command.tenant for command in stage.commands()} == {"default"}
