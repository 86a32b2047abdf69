"""Ready queues beside group commits: a row is noted before its group is committed, and the table shows it only then."""

from uuid import UUID

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from services.sender.ready import Ready
from tests.unit.sender.test_ready import FakeRows, World, name


def decide(world: World, due: float, *, now: float) -> tuple[str, float, UUID]:
    """A row of the group under way: noted, and not in the table yet."""
    email_id = world.rows.add(name(), due)
    row = world.rows.rows.pop()
    world.ready.note(0, name(), due, email_id=email_id, now=now)
    return row


def test_a_row_decided_in_the_step_in_which_the_table_is_asked_is_not_forgotten(world: World) -> None:
    """As right after a takeover: the queue is known to have more than its heads, and is asked before the commit."""
    first = world.rows.add(name(), due=1.0)
    world.ready.note(0, name(), 1.0, now=2.0)
    second = decide(world, 1.5, now=2.0)
    assert [found for _, found in world.take(now=2.0)] == [first]
    world.rows.rows.append(second)
    assert [found for _, found in world.take(now=2.1)] == [second[2]]


def test_a_later_row_decided_in_the_step_in_which_its_queue_wakes_is_not_forgotten(world: World) -> None:
    first = world.add(name(), due=2.0)
    second = decide(world, 3.0, now=1.9)
    assert [found for _, found in world.take(now=2.0)] == [first]
    world.rows.remove(first)
    world.rows.rows.append(second)
    world.take(now=2.1)
    assert [found for _, found in world.take(now=3.0)] == [second[2]]


def test_what_was_in_hand_when_its_partition_went_away_waits_again_when_it_is_back(world: World) -> None:
    """The job of the old ownership ends without a word that counts."""
    email_id = world.add(name(), due=1.0)
    assert [found for _, found in world.take(now=2.0)] == [email_id]
    world.ready.drop_partition(0)
    world.ready.add_partition(0, world.rows)
    world.ready.note(0, name(), 1.0, now=3.0)
    assert [found for _, found in world.take(now=3.0)] == [email_id]


@pytest.fixture
def world() -> World:
    return World()


class Owner(RuleBasedStateMachine):
    """Steps of an owner: decisions, a look at the queues, and the commit; in between the partition goes and comes."""

    def __init__(self) -> None:
        super().__init__()
        self.ready, self.rows, self.now = Ready(heads=2), FakeRows(), 0.0  # so few that the table is asked often
        self.ready.add_partition(0, self.rows)
        self.pending: list[tuple[str, float, UUID]] = []
        self.asked: set[UUID] = set()
        self.found: set[UUID] = set()
        self.hands: list[UUID] = []

    @rule(wait=st.floats(0, 2), queue=st.sampled_from("ab"))
    def decide(self, wait: float, queue: str) -> None:
        """Intake: a row of the group under way."""
        where = name(destination=queue)
        email_id = self.rows.add(where, self.now + wait)
        self.pending.append(self.rows.rows.pop())
        self.asked.add(email_id)
        self.ready.note(0, where, self.now + wait, email_id=email_id, now=self.now)

    @rule(seconds=st.floats(0, 1), limit=st.integers(0, 3))
    def step(self, seconds: float, limit: int) -> None:
        """Hand out, commit."""
        self.now += seconds
        rows = {email_id: due for _, due, email_id in (*self.rows.rows, *self.pending)}
        for _, email_id in self.ready.take(now=self.now, limit=limit):
            assert email_id not in self.hands
            if email_id in rows:
                assert rows[email_id] <= self.now
                self.hands.append(email_id)
            else:  # a head that was sent meanwhile, which who takes it sees in the table
                self.ready.give_back(email_id)
        self.rows.rows += self.pending
        self.pending.clear()

    @rule(done=st.booleans())
    def finish(self, done: bool) -> None:
        """What was in hand is sent, or waits again."""
        if self.hands and not self.pending:
            email_id = self.hands.pop(0)
            self.ready.give_back(email_id)
            if done:
                self.found.add(email_id)
                self.rows.remove(email_id)
            else:
                ((where, due, _),) = [row for row in self.rows.rows if row[2] == email_id]
                self.ready.note(0, where, due, email_id=email_id, now=self.now)

    @rule()
    def rebalance(self) -> None:
        """Between steps: what is in hand is forgotten, the table is as committed."""
        if not self.pending:
            self.ready.drop_partition(0)
            self.ready.add_partition(0, self.rows)
            self.hands.clear()
            for where in {row[0] for row in self.rows.rows}:
                self.ready.note(0, where, min(row[1] for row in self.rows.rows if row[0] == where), now=self.now)

    def teardown(self) -> None:
        """Every row comes in the end."""
        self.step(0, 0)
        while self.hands:
            self.finish(True)
        for _ in range(4 * len(self.asked) + 4):
            self.step(0.5, 5)
            while self.hands:
                self.finish(True)
        assert self.found == self.asked


TestOwner = Owner.TestCase
