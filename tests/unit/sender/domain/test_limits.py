"""Rates, whatever the moments at which emails come."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from services.sender.domain.limits import Limit, Pace, fair_share

rates = st.floats(0.01, 500)
gaps = st.lists(st.floats(0, 2), min_size=1, max_size=200)


def sent(pace: Pace, gaps: list[float]) -> list[float]:
    """The moments at which emails go that come after each of these gaps."""
    now, moments = 1000.0, []
    for gap in gaps:
        now += gap
        if pace.opens_at() <= now:
            pace.taken(now)
            moments.append(now)
    return moments


@given(rates, st.floats(1, 20), gaps)
def test_a_rate_is_kept_over_any_span(rate: float, burst: float, gaps: list[float]) -> None:
    moments = sent(Pace(rate, burst=burst, now=1000.0), gaps)
    for first, since in enumerate(moments):
        for last, until in enumerate(moments[first:], first):
            assert last - first + 1 <= rate * (until - since) + burst + 1e-6


@given(rates)
def test_the_rate_is_reached_when_there_is_always_more(rate: float) -> None:
    pace, now = Pace(rate, burst=1, now=0.0), 0.0
    for _ in range(50):
        now = max(now, pace.opens_at())
        pace.taken(now)
    assert now <= 49 / rate + 1e-6


@given(rates, rates, gaps)
def test_after_a_change_the_new_rate_is_kept(before: float, after: float, gaps: list[float]) -> None:
    pace = Pace(before, burst=1, now=1000.0)
    sent(pace, gaps)
    changed = 1000.0 + sum(gaps)
    pace.change(after, burst=1, now=changed)
    now, moments = changed, []
    for _ in range(20):
        now = max(now, pace.opens_at())
        pace.taken(now)
        moments.append(now)
    assert moments[-1] - moments[0] >= 19 / after - 1e-6
    assert moments[0] <= changed + 1 / after + 1e-6


def test_what_is_set_nearer_counts_and_of_equals_the_tighter() -> None:
    default, near = Limit(rate=10, in_flight=5), Limit(rate=20, connections=2)
    assert near.over(default) == Limit(rate=20, connections=2, in_flight=5)
    assert near.within(default) == Limit(rate=10, connections=2, in_flight=5)
    assert near.figures() == {"rate": 20.0, "connections": 2.0}


@given(st.integers(1, 500), st.integers(1, 50))
def test_however_many_destinations_stand_still_there_is_room_for_another(capacity: int, slow: int) -> None:
    held = [0] * slow
    for _ in range(capacity):
        for number in range(slow):
            free = capacity - sum(held)
            if free > 0 and held[number] < fair_share(free):
                held[number] += 1
    assert max(held) < capacity or capacity <= 2
    if slow < capacity / 10:
        assert sum(held) < capacity


def test_a_limit_in_the_settings_is_checked() -> None:
    limit = TypeAdapter(Limit)
    assert limit.validate_python({"rate": "2.5", "in_flight": 3}) == Limit(rate=2.5, in_flight=3)
    for wrong in ({"rate": 0}, {"connections": 0}, {"rats": 1}):
        with pytest.raises(ValidationError):
            limit.validate_python(wrong)
