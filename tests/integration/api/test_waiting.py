"""`Prefer: wait` on real Kafka and PostgreSQL: what was done before is in the answer, whichever process did it."""

from collections.abc import Iterator
from threading import Timer
from typing import Any
from uuid import UUID

import pytest
from starlette.testclient import TestClient

from shared.db import read_models
from tests.integration.api.stage import EMAIL, Stage, email_row
from tests.integration.api.test_emails import NOW

pytestmark = pytest.mark.integration
WAIT, BRIEFLY = {"Prefer": "wait=20"}, {"Prefer": "wait=1"}


@pytest.fixture
def other(stage: Stage) -> Iterator[TestClient]:
    """Another process of the API; everybody has caught up."""
    stage.sender_decides()
    stage.projector_catches_up()
    with stage.client() as client:
        yield client


def current(answer: Any) -> bool:
    """Whether the answer says that it has all that was done before."""
    assert answer.status_code == 200, answer.text
    return "preference-applied" in answer.headers


@pytest.mark.parametrize("path", ["/v1/emails", "/v1/reports/summary"])
def test_sender_and_projector_are_waited_for(stage: Stage, client: TestClient, other: TestClient, path: str) -> None:
    assert client.post("/v1/emails", json=EMAIL).status_code == 202
    assert not current(other.get(path, headers=BRIEFLY)), "the sender has not decided"
    timer = Timer(0.3, stage.sender_decides)
    timer.start()
    assert current(other.get(path, headers=WAIT))
    timer.join()


def test_a_command_is_waited_for(stage: Stage, client: TestClient, other: TestClient) -> None:
    email_id = UUID(client.post("/v1/emails", json=EMAIL).json()["email_id"])
    stage.put(read_models.emails, email_row(email_id, updated_at=NOW))
    stage.sender_decides()
    assert client.post(f"/v1/emails/{email_id}/cancel", headers={"Prefer": "wait=0"}).status_code == 202
    assert not current(other.get(f"/v1/emails/{email_id}", headers=BRIEFLY))
    stage.sender_decides()
    assert current(other.get(f"/v1/emails/{email_id}", headers=WAIT))


def test_a_change_of_the_list_is_waited_for(stage: Stage, client: TestClient, other: TestClient) -> None:
    added = client.post("/v1/suppressions", json={"recipient": "ada@example.org"})
    assert added.status_code == 201
    assert not current(other.get("/v1/suppressions", headers=BRIEFLY)), "the projector has not read the fact"
    timer = Timer(0.3, stage.projector_catches_up)
    timer.start()
    assert current(other.get("/v1/suppressions", headers=WAIT))
    timer.join()


def test_a_batch_and_its_controls_are_waited_for(stage: Stage, client: TestClient, other: TestClient) -> None:
    receipt = client.post("/v1/batches", json={"emails": [EMAIL, EMAIL]}).json()
    batch_id = receipt["batch_id"]
    row = {"tenant": "default", "batch_id": batch_id, "stream": "transactional", "acknowledged": 2}
    stage.put(read_models.batches, row)
    stage.projector_catches_up()
    counts = {"tenant": "default", "batch_id": batch_id, "status": "queued"}
    stage.put(read_models.batch_counts, counts | {"emails": 1})
    partial = other.get(f"/v1/batches/{batch_id}", headers=BRIEFLY)
    assert not current(partial) and partial.json()["received"] == 1
    stage.put(read_models.batch_counts, counts | {"status": "delivered", "emails": 1})
    assert current(other.get(f"/v1/batches/{batch_id}", headers=WAIT))
    assert client.post(f"/v1/batches/{batch_id}/pause").status_code == 202
    assert not current(other.get(f"/v1/batches/{batch_id}", headers=BRIEFLY))
    stage.projector_catches_up()
    assert current(other.get(f"/v1/batches/{batch_id}", headers=WAIT))
