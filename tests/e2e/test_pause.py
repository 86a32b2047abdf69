"""A paused batch waits, and nothing else does."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.e2e.asking import Json, until
from tests.e2e.world import World

pytestmark = pytest.mark.e2e
COUNT = 20


def batch(world: World, name: str, **defaults: str) -> str:
    to = [f"{name}{number}@pause.example" for number in range(COUNT)]
    return str(world.send_batch(to, key=f"pause-{name}", **defaults)["batch_id"])


def look(world: World, batch_id: str) -> Json:
    answer = world.api.get(f"/v1/batches/{batch_id}", headers={"Prefer": "wait=10"})
    assert answer.headers["Preference-Applied"] == "wait=10"
    found: Json = answer.json()
    return found


def arrived(world: World, name: str) -> int:
    return sum(row["recipient"].startswith(name) for row in world.arrived())


def test_pause_and_resume(world: World) -> None:
    due = datetime.now(UTC) + timedelta(seconds=2)
    waits = batch(world, "waits", send_at=due.isoformat())
    assert world.api.post(f"/v1/batches/{waits}/pause").status_code == 202
    seen = look(world, waits)
    assert seen["paused"] and seen["counts"] == {"scheduled": COUNT}, "a query that waits has what was done before"
    until(lambda: datetime.now(UTC) > due)
    goes = batch(world, "goes")
    until(lambda: look(world, goes)["counts"] == {"delivered": COUNT})
    assert arrived(world, "goes") == COUNT
    assert arrived(world, "waits") == 0
    assert sum(look(world, waits)["counts"].values()) == COUNT
    assert world.api.post(f"/v1/batches/{waits}/resume").status_code == 202
    assert not look(world, waits)["paused"]
    until(lambda: look(world, waits)["counts"] == {"delivered": COUNT})
    assert arrived(world, "waits") == COUNT
    assert look(world, waits)["paused"] is False
