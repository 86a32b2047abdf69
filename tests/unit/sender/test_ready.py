"""Turns over ready queues: who goes next, who waits, who holds up whom."""

from collections import Counter
from math import inf
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sender.ready import Opening, QueueKey, Ready


class FakeRows:
    """A partition's table with rows of (queue, due, id)."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, float, UUID]] = []

    def add(self, queue: str, due: float) -> UUID:
        email_id = uuid4()
        self.rows.append((queue, due, email_id))
        return email_id

    def remove(self, email_id: UUID) -> None:
        self.rows = [row for row in self.rows if row[2] != email_id]

    def due(self, queue: str, *, now: float, limit: int) -> list[UUID]:
        found = sorted((due, email_id) for name, due, email_id in self.rows if name == queue and due <= now)
        return [email_id for _, email_id in found[:limit]]

    def next_due(self, queue: str, *, after: float) -> float | None:
        return min((due for name, due, _ in self.rows if name == queue and due > after), default=None)


def name(stream: str = "transactional", tenant: str = "t", batch: str = "", destination: str = "example.com") -> str:
    return "\x1f".join((stream, tenant, batch, destination))


class World:
    def __init__(self) -> None:
        self.ready = Ready()
        self.rows = FakeRows()
        self.ready.add_partition(0, self.rows)

    def add(self, queue: str, due: float) -> UUID:
        email_id = self.rows.add(queue, due)
        self.ready.note(0, queue, due)
        return email_id

    def take(self, now: float, limit: int = 1000, closed: str = "") -> list[tuple[QueueKey, UUID]]:
        def gate(key: QueueKey) -> Opening:
            return Opening(inf if key.destination == closed else 0.0, key.destination)

        return list(self.ready.take(now=now, limit=limit, gate=gate))


@pytest.fixture
def world() -> World:
    return World()


def test_nothing_before_it_is_due(world: World) -> None:
    email_id = world.add(name(), due=10.0)
    assert world.take(now=9.9) == []
    assert [found for _, found in world.take(now=10.0)] == [email_id]


def test_a_taken_row_is_not_taken_twice(world: World) -> None:
    world.add(name(), due=1.0)
    assert len(world.take(now=2.0)) == 1
    assert world.take(now=2.0) == []


def test_a_row_given_back_comes_again(world: World) -> None:
    email_id = world.add(name(), due=1.0)
    world.take(now=2.0)
    world.take(now=2.0)
    world.ready.give_back(email_id)
    world.ready.note(0, name(), 1.0)
    assert [found for _, found in world.take(now=2.0)] == [email_id]


def test_a_closed_destination_holds_up_only_itself(world: World) -> None:
    for _ in range(50):
        world.add(name(destination="slow.example"), due=1.0)
    fast = {world.add(name(destination="fast.example"), due=2.0) for _ in range(5)}
    assert {found for _, found in world.take(now=3.0, closed="slow.example")} == fast
    assert world.take(now=3.0) == []
    world.ready.reopen("slow.example")
    assert len(world.take(now=3.0)) == 50


def test_transactional_goes_four_times_as_often_as_broadcast(world: World) -> None:
    for _ in range(100):
        world.add(name("transactional"), due=1.0)
        world.add(name("broadcast", batch="b"), due=1.0)
    taken = Counter(key.stream for key, _ in world.take(now=2.0, limit=50))
    assert taken == {"transactional": 40, "broadcast": 10}


def test_a_tenant_with_many_queues_gets_one_turn_like_the_others(world: World) -> None:
    for number in range(100):
        world.add(name(tenant="big", destination=f"d{number}.example"), due=1.0)
    for _ in range(10):
        world.add(name(tenant="small"), due=1.0)
    taken = Counter(key.tenant for key, _ in world.take(now=2.0, limit=20))
    assert taken == {"big": 10, "small": 10}


def test_a_dropped_partition_gives_nothing_more(world: World) -> None:
    world.add(name(), due=1.0)
    world.add(name(destination="later.example"), due=9.0)
    world.take(now=2.0, limit=0)
    world.ready.drop_partition(0)
    assert world.take(now=10.0) == []


def test_more_rows_than_heads_all_come_in_order_of_their_due_time(world: World) -> None:
    rows = [world.add(name(), due=float(number)) for number in range(300)]
    taken = [found for _, found in world.take(now=1000.0)]
    assert taken == rows


def test_a_queue_that_sleeps_wakes_for_its_next_row(world: World) -> None:
    first, second = world.add(name(), due=1.0), world.add(name(), due=5.0)
    assert [found for _, found in world.take(now=2.0)] == [first]
    world.rows.remove(first)
    assert world.take(now=4.9) == []
    assert [found for _, found in world.take(now=5.0)] == [second]


def test_a_row_that_becomes_due_while_earlier_ones_are_handed_out_is_not_forgotten(world: World) -> None:
    """The first row's alarm is the only one kept; the last look at the table was before the second was due."""
    first, second = world.add(name(), due=1.0), world.add(name(), due=2.0)
    assert [found for _, found in world.take(now=1.5, limit=1)] == [first]
    world.rows.remove(first)
    world.ready.give_back(first)
    assert [found for _, found in (*world.take(now=3.0), *world.take(now=3.0))] == [second]


def test_queues_set_aside_under_a_name_that_is_used_no_more_are_looked_at_again(world: World) -> None:
    """A domain is a destination by its own name until its MX hosts are known."""
    rows = {world.add(name(batch=str(number)), due=1.0) for number in range(3)}

    def take(behind: str, at: float) -> set[UUID]:
        return {found for _, found in world.ready.take(now=2.0, limit=9, gate=lambda key: Opening(at, behind))}

    assert take("example.com", inf) == set()
    world.ready.reopen("example.com")
    assert take("{mx1,mx2}.example.com", 0.0) == rows


def test_what_was_set_aside_until_a_time_comes_then_one_by_one(world: World) -> None:
    rows = [world.add(name(batch=str(number)), due=1.0) for number in range(2)]
    opens = [5.0]

    def take(now: float) -> list[UUID]:
        return [found for _, found in world.ready.take(now=now, limit=9, gate=lambda key: Opening(opens[0], "slow"))]

    assert take(2.0) == []
    assert take(4.9) == []
    opens[0] = 0.0
    assert sorted(take(5.0)) == sorted(rows)


def test_a_queue_of_which_only_the_first_row_is_told_wakes_for_the_others(world: World) -> None:
    """As after a restart, when some of it is overdue and the rest is not."""
    first, second = world.rows.add(name(), due=1.0), world.rows.add(name(), due=5.0)
    world.ready.note(0, name(), 1.0, now=2.0)
    assert [found for _, found in world.take(now=2.0)] == [first]
    world.rows.remove(first)
    assert world.take(now=2.0) == []
    assert [found for _, found in world.take(now=5.0)] == [second]


def test_after_a_takeover_rows_that_are_due_later_than_the_first_are_not_forgotten(world: World) -> None:
    """A takeover notes each queue once, by its first row."""
    first, second = world.rows.add(name(), 1.0), world.rows.add(name(), 5.0)
    world.ready.note(0, name(), 1.0, now=2.0)
    assert [found for _, found in world.take(now=2.0)] == [first]
    world.rows.remove(first)
    world.ready.give_back(first)
    assert world.take(now=4.9) == []
    assert [found for _, found in world.take(now=5.0)] == [second]


@given(st.lists(st.floats(0, 10), min_size=1, max_size=12), st.lists(st.floats(0.1, 3), max_size=12), st.booleans())
def test_every_row_comes_once_it_is_due_whatever_the_pace(
    dues: list[float], steps: list[float], taken_over: bool
) -> None:
    world, now, found = World(), 0.0, []
    rows = {world.rows.add(name(), due): due for due in dues}
    if taken_over:
        world.ready.note(0, name(), min(dues), now=now)
    else:
        for email_id, due in rows.items():
            world.ready.note(0, name(), due, email_id=email_id, now=now)
    for step in [*steps, 20.0, 0.0, 0.0]:
        now += step
        for _, email_id in world.take(now=now, limit=3):
            assert rows[email_id] <= now
            found.append(email_id)
            world.rows.remove(email_id)
            world.ready.give_back(email_id)
    found += [email_id for _ in range(5) for _, email_id in world.take(now=now, limit=3)]
    assert sorted(found) == sorted(rows)
