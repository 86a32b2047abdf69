"""Warm-up of a source address over a day, restarts and several owners."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from services.sender.domain.shares import Share
from services.sender.domain.warm_up import WarmUp
from tests.fakes.controls import Said
from tests.unit.sender.handlers.limiting import Stage

MORNING = 1_795_510_800.0  # 2026-11-24T09:00:00Z
SCHEDULE = WarmUp(source="192.0.2.1", start=date(2026, 11, 24), daily=[100, 300])


def owner(said: Said | None = None, *, owned: range = range(6), schedule: WarmUp = SCHEDULE) -> Stage:
    stage = Stage(warm_up=(schedule,), said=said, destination_in_flight=10_000)
    stage.free, stage.now = 10_000, MORNING
    stage.share = Share(owned=frozenset(owned), partitions=6)
    return stage


def send(stage: Stage, *, steps: int = 500) -> int:
    """How many broadcast emails go in so many steps of an owner that always has more."""
    sent = 0
    for _ in range(steps):
        while stage.limits.source_opens_at("broadcast", now=stage.now) <= stage.now:
            stage.limits.taken("a.example", stream="broadcast", now=stage.now)
            sent += 1
        stage.limits.handle(stage.group, now=stage.now)
        stage.commit()
        stage.now += 0.05
    return sent


def test_a_days_limit_is_reached_and_not_passed_and_the_next_day_has_its_own() -> None:
    stage = owner()
    assert send(stage) == 100
    assert stage.limits.source_opens_at("broadcast", now=stage.now) == stage.now + 60
    assert stage.limits.source_opens_at("broadcast", now=1_795_564_790.0) == 1_795_564_800.0
    stage.now = 1_795_564_800.0
    assert send(stage) == 300
    stage.now = 1_795_564_800.0 + 86_400
    assert stage.limits.source_opens_at("broadcast", now=stage.now) == 0.0


def test_another_stream_with_another_address_is_not_limited() -> None:
    assert owner().limits.source_opens_at("transactional", now=MORNING) == 0.0


def test_two_owners_together_keep_the_limit() -> None:
    said = Said()
    first, second = owner(said, owned=range(4)), owner(said, owned=range(4, 6))
    assert send(first) + send(second) == 100


@given(st.lists(st.integers(0, 60), min_size=1, max_size=12))
def test_restarts_never_pass_the_limit_and_lose_little(steps: list[int]) -> None:
    said, sent = Said(), 0
    for number in steps:
        sent += send(owner(said), steps=number)
    assert sent <= 100
    sent += send(owner(said))
    assert 100 - 2 * len(steps) <= sent <= 100


def test_a_group_that_is_given_up_reserves_nothing() -> None:
    stage = owner()
    assert stage.limits.source_opens_at("broadcast", now=stage.now) > stage.now
    stage.limits.handle(stage.group, now=stage.now)
    stage.give_up()
    assert stage.limits.source_opens_at("broadcast", now=stage.now) > stage.now
    assert send(stage) == 100


def test_no_more_is_reserved_than_a_portion_beyond_what_went() -> None:
    stage = owner()
    for _ in range(20):
        stage.limits.source_opens_at("broadcast", now=stage.now)
        stage.limits.handle(stage.group, now=stage.now)
        stage.limits.source_opens_at("broadcast", now=stage.now)  # asked again while the portion is being reserved
        stage.commit()
    assert sum(control.count for control in stage.said.controls_of("warmup")) == 1
