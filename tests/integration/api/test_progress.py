"""Progress of a batch as Server-Sent Events."""

import json
from typing import Any
from uuid import UUID, uuid4

import pytest
from starlette.testclient import TestClient

from shared.db.read_models import batch_counts, batches
from tests.integration.api.stage import Stage

pytestmark = pytest.mark.integration


def a_batch(stage: Stage, counts: dict[str, int]) -> UUID:
    """A closed batch in the read models."""
    batch_id, total = uuid4(), sum(counts.values())
    stage.put(batches, {"tenant": "default", "batch_id": batch_id, "stream": "broadcast", "acknowledged": total})
    rows = ({"tenant": "default", "batch_id": batch_id, "status": name, "emails": n} for name, n in counts.items())
    stage.put(batch_counts, *rows)
    return batch_id


def test_a_finished_batch_is_one_event(stage: Stage, client: TestClient) -> None:
    batch_id = a_batch(stage, {"delivered": 3, "cancelled": 2})
    answer = client.get(f"/v1/batches/{batch_id}/progress")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert answer.headers["content-type"].startswith("text/event-stream")
    name, data, *rest = answer.text.split("\n")
    assert (name, rest) == ("event: finished", ["", ""])
    said: dict[str, Any] = json.loads(data.removeprefix("data: "))
    assert (said["received"], said["counts"], said["eta_seconds"]) == (0, {"cancelled": 2, "delivered": 3}, 0.0)
    assert said.keys() == client.get(f"/v1/batches/{batch_id}").json().keys()


def test_what_cannot_be_watched_is_a_problem(stage: Stage, client: TestClient) -> None:
    batch_id = a_batch(stage, {"delivered": 3})
    for unknown in (uuid4(), "nonsense"):
        answer = client.get(f"/v1/batches/{unknown}/progress")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    with stage.client(tenant="other") as other:
        assert other.get(f"/v1/batches/{batch_id}/progress").status_code == 404
    assert client.get(f"/v1/batches/{batch_id}/progress", headers={"Authorization": ""}).status_code == 401
