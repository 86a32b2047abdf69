"""Retrying a failed email: its request is found again on the log, and becomes a new email, once."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from starlette.testclient import TestClient

from shared.commands import SendEmail, request_hash
from shared.db import read_models
from shared.topics import REQUESTS_BULK
from tests.integration.api.stage import EMAIL, Stage, email_row
from tests.logs import read

pytestmark = pytest.mark.integration


def sent(stage: Stage, client: TestClient, *, status: str, body: dict[str, Any] = EMAIL, **row: Any) -> SendEmail:
    """An email that was asked for, and of which the read models say so."""
    email_id = UUID(client.post("/v1/emails", json=body).json()["email_id"])
    (command,) = [one for one in stage.commands() if one.email_id == email_id]
    assert isinstance(command, SendEmail)
    now = datetime.now(UTC)
    told = {"status": status, "request_hash": request_hash(command), "queued_at": now, "updated_at": now}
    stage.put(read_models.emails, email_row(email_id, **(told | row)))
    return command


def retry(client: TestClient, email_id: UUID) -> Any:
    return client.post(f"/v1/emails/{email_id}/retry")


def test_a_failed_email_becomes_a_new_one(stage: Stage, client: TestClient) -> None:
    for n in range(3):
        client.post("/v1/emails", json=EMAIL | {"subject": f"another {n}"})
    later = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    old = sent(stage, client, status="failed", body=EMAIL | {"send_at": later}, batch_id=uuid4())
    answer = retry(client, old.email_id)
    assert answer.status_code == 202
    new_id = answer.json()["email_id"]
    assert answer.headers["location"] == f"/v1/emails/{new_id}" and new_id != str(old.email_id)
    (new,) = [one for one in stage.commands() if str(one.email_id) == new_id]
    assert isinstance(new, SendEmail)
    assert (new.retry_of, new.to, new.subject, new.text) == (old.email_id, old.to, old.subject, old.text)
    assert (new.send_at, new.batch_id, new.expires_at) == (None, None, None)


def test_asking_again_changes_nothing_also_for_another_process(stage: Stage, client: TestClient) -> None:
    old = sent(stage, client, status="bounced")
    first = retry(client, old.email_id)
    assert retry(client, old.email_id).json() == first.json()
    assert len(stage.commands()) == 2
    with stage.client() as another:
        assert retry(another, old.email_id).json() == first.json()
    new = [one for one in stage.commands() if isinstance(one, SendEmail) and one.retry_of is not None]
    assert len({request_hash(one) for one in new}) == 1


def test_broadcast_and_long_ago(stage: Stage, client: TestClient) -> None:
    """The sender read it an hour after it was asked: it is looked for further back."""
    body = EMAIL | {"stream": "broadcast", "list": "news"}
    read_late = datetime.now(UTC) + timedelta(hours=1)
    old = sent(stage, client, status="failed", body=body, stream="broadcast", queued_at=read_late)
    assert retry(client, old.email_id).status_code == 202
    assert len(read(stage.settings, REQUESTS_BULK.name)) == 2


@pytest.mark.parametrize(
    ("row", "status", "code"),
    [
        ({"status": "delivered"}, 409, "not_failed"),
        ({"status": "deferred"}, 409, "not_failed"),
        ({"status": "failed", "erased": True}, 410, "source_gone"),
        ({"status": "failed", "request_hash": "of another body"}, 410, "source_gone"),
        ({"status": "failed", "tenant": "other"}, 404, "unknown_email"),
    ],
)
def test_what_cannot_be_retried(stage: Stage, client: TestClient, row: dict[str, Any], status: int, code: str) -> None:
    old = sent(stage, client, **row)
    with stage.client() as another:  # which remembers nothing and asks the read models
        refused = retry(another, old.email_id)
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert len(stage.commands()) == 1
