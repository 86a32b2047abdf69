"""What a rule imposes, and how it passes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sender.domain.limits import UNLIMITED, Limit
from services.sender.domain.reply_rules import LONGEST_PAUSE, SLOWEST, Rule, effective, impose, settled
from shared.records import Control

NOW = 1_000_000.0


def rule(**parts: Any) -> Rule:
    return Rule(**{"name": "r", "source": "s", "codes": (421,), **parts})


def imposed(what: Rule, before: Control | None = None, *, now: float = NOW, sent: float = 0.0, **limit: Any) -> Control:
    return impose(
        what, before, tenant="default", site="a.example", limit=Limit(**limit), sent=sent, version="1", now=now
    )


def test_slow_multiplies_the_rate_that_is_set() -> None:
    control = imposed(rule(slow=0.5, recovery=100), rate=8.0)
    assert effective(control, now=NOW).limit == Limit(rate=4.0)
    assert control.rule == "r@1" and control.level == 1


def test_without_a_rate_the_rate_of_late_is_slowed() -> None:
    assert effective(imposed(rule(slow=0.25), sent=20.0), now=NOW).limit == Limit(rate=5.0)
    assert effective(imposed(rule(slow=0.25)), now=NOW).limit == Limit(rate=SLOWEST)


def test_what_was_imposed_doubles_back_and_ends_where_it_was() -> None:
    control = imposed(rule(slow=0.1, recovery=100), rate=8.0)
    rates = [effective(control, now=NOW + after).limit.rate for after in (0, 99, 100, 200, 300, 400)]
    assert rates == pytest.approx([0.8, 0.8, 1.6, 3.2, 6.4, None])


def test_recovery_begins_after_the_pause() -> None:
    control = imposed(rule(slow=0.5, pause=60, recovery=100), rate=8.0)
    assert effective(control, now=NOW).closed_until == NOW + 60
    assert effective(control, now=NOW + 159).limit.rate == 4.0
    assert effective(control, now=NOW + 160).limit == UNLIMITED


def test_connections_are_never_fewer_than_one() -> None:
    control = None
    for step in range(6):
        control = imposed(rule(connections=0.5), control, now=NOW + 20 * step, connections=10)
        assert (control.connections or 0) == [5, 2, 1, 1, 1, 1][step]


def test_each_time_in_a_row_pauses_twice_as_long_up_to_an_hour() -> None:
    control, now, pauses = None, NOW, []
    for _ in range(9):
        control = imposed(rule(pause=60, back_off=True), control, now=now)
        now = effective(control, now=now).closed_until
        pauses.append(now - (control.at.timestamp() if control.at else 0))
    assert pauses == [60, 120, 240, 480, 960, 1920, LONGEST_PAUSE, LONGEST_PAUSE, LONGEST_PAUSE]


def test_a_row_ends_when_nothing_was_said_for_the_time_of_recovery() -> None:
    control = imposed(rule(pause=60, back_off=True, recovery=100))
    again = imposed(rule(pause=60, back_off=True, recovery=100), control, now=NOW + 161)
    assert again.level == 1


def test_a_pause_leaves_the_rate_that_another_rule_has_set() -> None:
    slowed = imposed(rule(slow=0.5), rate=8.0)
    paused = imposed(rule(pause=60), slowed, now=NOW + 20, rate=8.0)
    assert effective(paused, now=NOW + 20).limit.rate == 4.0


def test_what_an_operator_lifted_is_over() -> None:
    control = imposed(rule(pause=60, slow=0.5), rate=8.0)
    assert effective(control, now=NOW + 1, lifted_at=NOW + 1).closed_until == 0.0


def test_replies_to_what_was_under_way_say_nothing_new() -> None:
    control = imposed(rule(pause=60))
    assert settled(None, now=NOW)
    assert not settled(control, now=NOW + 59)
    assert settled(control, now=NOW + 60)
    assert not settled(imposed(rule(slow=0.5)), now=NOW + 9)


@given(
    st.lists(st.tuples(st.floats(0.1, 0.9), st.floats(10, 500)), min_size=1, max_size=20),
    st.floats(0.1, 100),
)
def test_the_rate_is_always_between_the_slowest_and_the_limit(steps: list[tuple[float, float]], limit: float) -> None:
    control, now = None, NOW
    for factor, gap in steps:
        control = imposed(rule(slow=factor, recovery=60), control, now=now, rate=limit)
        rate = Limit(rate=limit).within(effective(control, now=now).limit).rate
        assert rate is not None and min(SLOWEST, limit) <= rate <= limit
        now += gap
