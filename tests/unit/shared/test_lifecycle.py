"""The lifecycle: the fold does not mind order or repetition, and the table's edges lead where they say."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, get_args
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from shared.events import (
    EMAIL_EVENTS,
    EmailClicked,
    EmailComplained,
    EmailEvent,
    EmailOpened,
    EmailUnsubscribed,
)
from shared.lifecycle import (
    EMPTY,
    FINAL,
    TRANSITIONS,
    WAITING,
    EmailState,
    Status,
    Transition,
    allowed,
    apply,
    rule_name,
    transition,
)
from tests import golden

T0 = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
EVENTS = [golden.decode(path) for path in golden.paths("events")]
PROTOTYPES: dict[str, EmailEvent] = {rule_name(event): event for event in EVENTS if isinstance(event, EmailEvent)}
ROWS = {row.event: row for row in TRANSITIONS}
STATUSES: tuple[str, ...] = get_args(Status)


def fact(name: str, *, at: float = 0, attempt: int = 0, number: int | None = None, **changes: Any) -> EmailEvent:
    """A golden event with another time (seconds), attempt and id."""
    moment = T0 + timedelta(seconds=at)
    event_id = UUID(int=number if number is not None else abs(hash((name, at, attempt))))
    return replace(PROTOTYPES[name], occurred_at=moment, attempt=attempt, event_id=event_id, **changes)


def fold(events: Iterable[EmailEvent]) -> EmailState:
    state = EMPTY
    for event in events:
        state = apply(state, event)
    return state


def story(*names: str) -> list[EmailEvent]:
    """Facts a second apart; the attempt rises with each `sending`."""
    attempt, events = 0, []
    for second, name in enumerate(names):
        attempt += name == "email.sending"
        events.append(fact(name, at=second, attempt=attempt))
    return events


@st.composite
def histories(draw: st.DrawFn) -> list[EmailEvent]:
    """Any facts at all about one email, likely or not; times collide, ids do not."""
    names = draw(st.lists(st.sampled_from(sorted(PROTOTYPES)), min_size=1, max_size=12))
    return [
        fact(name, at=draw(st.integers(0, 4)), attempt=draw(st.integers(0, 3)), number=number + 1)
        for number, name in enumerate(names)
    ]


@given(histories(), st.data())
def test_any_order_and_any_repetition_fold_to_the_same_state(history: list[EmailEvent], data: st.DataObject) -> None:
    again = data.draw(st.lists(st.sampled_from(history)))
    shuffled = data.draw(st.permutations(history + again))
    assert fold(shuffled) == fold(history)


@given(histories())
def test_a_fact_about_an_email_that_is_final_never_opens_it_again(history: list[EmailEvent]) -> None:
    state = EMPTY
    for event in history:
        before, state = state.status, apply(state, event)
        assert before not in FINAL or state.status in FINAL


@given(st.data())
def test_along_allowed_edges_the_last_fact_says_the_status(data: st.DataObject) -> None:
    state, attempt, held = EMPTY, 0, False
    for second in range(data.draw(st.integers(1, 12))):
        names = [name for name in sorted(PROTOTYPES) if allowed(state, fact(name)) and name in ROWS | HOLDS]
        if not names:
            return
        name = data.draw(st.sampled_from(names))
        begins = name == "email.sending" or (name == "email.deferred" and state.base in WAITING)
        attempt += begins
        state = apply(state, fact(name, at=second, attempt=attempt))
        held = HOLDS.get(name, held)
        expected = ROWS[name].to if name in ROWS else state.base
        assert state.base == expected
        assert state.status == ("held" if held and expected in WAITING else expected)
        assert state.attempts == attempt


HOLDS = {"email.held": True, "email.released": False}


@pytest.mark.parametrize("row", TRANSITIONS, ids=lambda row: row.event)
def test_each_row_is_reached_by_its_event_and_leads_where_it_says(row: Transition) -> None:
    event = fact(row.event, at=9, attempt=1)
    assert transition(event) == row
    assert fold([event]).status == row.to
    for base in (None, *STATUSES):
        assert allowed(EmailState(base=base), event) == (base in row.after)  # type: ignore[arg-type]


def test_no_other_event_changes_the_status() -> None:
    beside = {rule_name(golden.event(kind)) for kind in (EmailOpened, EmailClicked, EmailComplained, EmailUnsubscribed)}
    beside |= {"email.held", "email.released", "email.erased", "email.auto_replied", "email.delay_reported"}
    beside |= {"email.cancel_refused", "email.request_refused", "email.bounce.reclassified"}
    assert set(PROTOTYPES) == set(ROWS) | beside
    for name in beside:
        assert transition(PROTOTYPES[name]) is None
        assert fold(story("email.queued", name)).base == "queued"


def test_the_table_knows_every_type_and_each_status_once() -> None:
    assert {type(event) for event in PROTOTYPES.values()} == set(EMAIL_EVENTS)
    assert len(ROWS) == len(TRANSITIONS)
    assert {row.to for row in TRANSITIONS} | {"received", "staged", "held"} == set(STATUSES)


@pytest.mark.parametrize("status", ["queued", "scheduled", "deferred"])
def test_a_waiting_email_can_be_held_and_only_a_held_one_released(status: Status) -> None:
    state = EmailState(base=status)
    held = apply(state, fact("email.held"))
    assert allowed(state, fact("email.held")) and not allowed(state, fact("email.released"))
    assert not allowed(held, fact("email.held")) and allowed(held, fact("email.released"))
    assert held.status == "held" and apply(held, fact("email.released", at=1)).status == status


@pytest.mark.parametrize(("name", "may"), [("email.cancelled", True), ("email.sending", False), ("email.failed", True)])
def test_what_may_happen_to_a_held_email(name: str, may: bool) -> None:
    held = fold(story("email.queued", "email.held"))
    assert allowed(held, fact(name)) is may


ODD = {
    "an email that was never staged is simply queued": (["email.queued"], "queued"),
    "a retry is a new attempt": (["email.queued", "email.sending", "email.deferred", "email.sending"], "sending"),
    "a doubt that is tried again waits": (
        ["email.queued", "email.sending", "email.in_doubt", "email.resolved:retry"],
        "deferred",
    ),
    "a doubt given up is a failure, told twice": (
        ["email.queued", "email.sending", "email.in_doubt", "email.resolved:give_up", "email.failed"],
        "failed",
    ),
    "late proof outranks the giving up": (
        ["email.queued", "email.sending", "email.in_doubt", "email.resolved:give_up", "email.resolved:delivered"],
        "delivered",
    ),
    "a copy that got there outranks the refusal of the next": (
        ["email.queued", "email.sending", "email.bounced:smtp", "email.resolved:delivered"],
        "delivered",
    ),
    "a held email can be cancelled": (["email.queued", "email.held", "email.cancelled"], "cancelled"),
    "a held email that is rescheduled is still held": (
        ["email.queued", "email.scheduled", "email.held", "email.rescheduled"],
        "held",
    ),
    "a release that comes before its hold by the clock counts for nothing": (
        ["email.queued", "email.released", "email.held"],
        "held",
    ),
    "a notice after delivery bounces it": (
        ["email.queued", "email.sending", "email.delivered", "email.opened", "email.bounced:dsn"],
        "bounced",
    ),
    "opened after a bounce is still a bounce": (
        ["email.queued", "email.sending", "email.bounced:smtp", "email.opened"],
        "bounced",
    ),
    "a delay report and a vacation notice change nothing": (
        ["email.queued", "email.sending", "email.delivered", "email.delay_reported", "email.auto_replied"],
        "delivered",
    ),
    "a refused cancel changes nothing": (["email.queued", "email.sending", "email.cancel_refused"], "sending"),
    "a refused repeat of a rejected email changes nothing": (["email.rejected", "email.request_refused"], "rejected"),
    "a command on an unknown email gives it no status": (["email.request_refused"], None),
    "a hit that overtakes the rest gives it no status": (["email.opened"], None),
    "an erased email keeps its status": (
        ["email.queued", "email.sending", "email.delivered", "email.erased"],
        "delivered",
    ),
}


@pytest.mark.parametrize(("names", "status"), ODD.values(), ids=ODD)
def test_odd_cases(names: list[str], status: str | None) -> None:
    assert fold(story(*names)).status == status
    assert fold(reversed(story(*names))).status == status


def test_the_clock_of_another_owner_does_not_turn_attempts_back() -> None:
    late, early = fact("email.sending", at=100, attempt=1), fact("email.deferred", at=40, attempt=1)
    assert fold([late, early]).status == "deferred"
    assert fold([late, early, fact("email.sending", at=41, attempt=2)]).status == "sending"


def test_the_first_open_and_click_count_and_the_last_word_on_the_schedule() -> None:
    state = fold(
        [
            fact("email.opened", at=9),
            fact("email.opened", at=5),
            fact("email.clicked", at=8),
            fact("email.clicked", at=7),
            fact("email.complained", at=6),
            fact("email.unsubscribed", at=4),
            fact("email.scheduled", at=1, send_at=T0),
            fact("email.rescheduled", at=3, send_at=T0 + timedelta(days=2)),
            fact("email.rescheduled", at=2, send_at=T0 + timedelta(days=9)),
            fact("email.erased"),
        ]
    )
    seconds = [(moment - T0).seconds for moment in (state.opened_at, state.clicked_at) if moment]
    assert seconds == [5, 7]
    assert (state.complained_at, state.unsubscribed_at) == (T0 + timedelta(seconds=6), T0 + timedelta(seconds=4))
    assert state.send_at == T0 + timedelta(days=2)
    assert state.erased and EMPTY.send_at is None and EMPTY.status is None
