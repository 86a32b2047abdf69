"""Garbage on every topic: told with reason and place, and nothing stops (P13)."""

import json
from collections.abc import Iterator
from uuid import uuid4

import pytest

from shared.topics import (
    CONTROLS,
    DEAD_LETTERS,
    EVENTS,
    PERSONAL,
    REQUESTS,
    REQUESTS_BULK,
    SUPPRESSIONS,
    TEMPLATES,
    WORK,
    Topic,
)
from tests.e2e.asking import Json, becomes, not_ready, send, until
from tests.e2e.kafka import Place, Sent, produce
from tests.e2e.world import World

pytestmark = pytest.mark.e2e
READ = (REQUESTS, REQUESTS_BULK, EVENTS, PERSONAL, TEMPLATES, SUPPRESSIONS, CONTROLS)
GARBAGE = {
    "no text": b"\xff\xfe\x00\x9f garbage",
    "no JSON": b'{"type": "SendEmail", ',
    "another schema": b'{"type": "Nonsense", "number": 1}',
    "an array": b"[1, 2, 3]",
    "nested": b"[" * 100_000 + b"]" * 100_000,
    "1 MB": b'{"type": "SendEmail", "to": "' + b"x" * 1_000_000 + b'"}',
}


def garbage(topic: Topic) -> Iterator[Sent]:
    """Records that nobody can read, under keys of every kind."""
    for value in GARBAGE.values():
        for key in (str(uuid4()).encode(), b"\xff\x00 no id"):
            yield Sent(topic=topic.name, value=value, key=key)
    if not topic.compacted:
        yield Sent(topic=topic.name, value=None, key=str(uuid4()).encode())


def listed(world: World) -> dict[Place, Json]:
    """What the command line lists as dead letters, by where each came from."""
    lines = world.postlog("dead-letters", "list", "--json", "--limit", "100000").splitlines()
    rows = [json.loads(line) for line in lines]
    return {
        Place(row["source_topic"], int(row["source_partition"]), int(row["source_offset"])): row
        for row in rows
        if "source_topic" in row
    }


def test_garbage_is_told_and_stops_nothing(world: World) -> None:
    produced = [place for topic in READ for place in produce(world, garbage(topic))]
    produce(world, [Sent(topic=PERSONAL.name, value=None, key=str(uuid4()).encode())])  # a tombstone of nobody's
    produce(world, [Sent(topic=DEAD_LETTERS.name, value=b"\xff", key=b"\xff")])
    until(lambda: set(produced) <= listed(world).keys())
    rows = listed(world)
    assert all(rows[place]["reason"] for place in produced)
    assert not_ready(world) == []
    email_id = send(world, "after@garbage.example")
    becomes(world, email_id, "delivered")


def test_it_is_no_worse_after_a_restart(world: World) -> None:
    """The small topics are read whole again, garbage and all."""
    produce(world, garbage(TEMPLATES))
    work = produce(world, garbage(WORK))  # which the sender reads when it takes a partition over
    for name in ("api", "sender"):
        world.stop(name)
        world.start(name)
    assert not_ready(world) == []
    assert set(work) <= listed(world).keys()
    assert world.api.put("/v1/templates/after", json={"subject": "Hi", "text": "Hi."}).status_code == 200
    email_id = send(world, "restart@garbage.example", template="after", subject=None, text=None)
    becomes(world, email_id, "delivered")
