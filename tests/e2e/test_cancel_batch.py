"""A slow batch is watched and cancelled half-way: each answer adds up, and nobody counted as cancelled has a mail."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from shared.lifecycle import FINAL
from tests.e2e.asking import until
from tests.e2e.world import World

pytestmark = pytest.mark.e2e
COUNT = 300
RATE = 20.0


def events(world: World, batch_id: str) -> Iterator[tuple[str, dict[str, Any]]]:
    with world.api.stream("GET", f"/v1/batches/{batch_id}/progress") as answer:
        assert answer.status_code == 200
        name = ""
        for line in answer.iter_lines():
            field, _, value = line.partition(": ")
            if field == "event":
                name = value
            elif field == "data":
                yield name, json.loads(value)


def test_watched_and_cancelled(world: World) -> None:
    recipients = [f"cancelled{number}@example.com" for number in range(COUNT)]
    defaults = {"from": "Acme <billing@acme.example>", "subject": "Hello", "text": "Hello."}
    body = {"defaults": defaults, "max_rate": RATE, "emails": [{"to": to} for to in recipients]}
    batch_id = world.api.post("/v1/batches", json=body).json()["batch_id"]
    asked, names, last = False, set(), {}
    for name, seen in events(world, batch_id):
        names.add(name)
        last = seen
        assert seen["acknowledged"] is None or seen["received"] + sum(seen["counts"].values()) == COUNT
        if not asked and seen["counts"].get("delivered", 0) >= 40:
            assert world.api.post(f"/v1/batches/{batch_id}/cancel").status_code == 202
            asked = True
    counts = last["counts"]
    assert asked and names == {"progress", "finished"}
    assert sum(counts.values()) == COUNT and counts.keys() <= FINAL
    assert 40 <= counts["delivered"] < COUNT and counts["cancelled"] == COUNT - counts["delivered"]
    arrived = {row["recipient"] for row in world.arrived() if row["recipient"].startswith("cancelled")}
    assert len(arrived) == counts["delivered"]
    until(lambda: world.api.get(f"/v1/batches/{batch_id}").json()["cancelled"])
    assert world.api.post(f"/v1/batches/{batch_id}/resume").json()["code"] == "batch_cancelled"
