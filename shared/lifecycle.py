"""An email's states: one transition table, and the fold of its events. Pure.

The status is that of the *furthest* fact, by (finality, attempt, step within the attempt, time): so the order in which
events arrive, and how often, changes nothing (P6). Held lies over a waiting state; opened, clicked, complained and
unsubscribed are times beside the status.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from shared.events import (
    EmailBounced,
    EmailClicked,
    EmailComplained,
    EmailErased,
    EmailEvent,
    EmailHeld,
    EmailOpened,
    EmailReleased,
    EmailRescheduled,
    EmailResolved,
    EmailScheduled,
    EmailUnsubscribed,
)
from shared.events.codec import event_type

Status = Literal[
    "received",
    "staged",
    "queued",
    "scheduled",
    "held",
    "sending",
    "deferred",
    "in_doubt",
    "delivered",
    "bounced",
    "failed",
    "cancelled",
    "suppressed",
    "rejected",
]
FINAL: Final[frozenset[str]] = frozenset({"delivered", "bounced", "failed", "cancelled", "suppressed", "rejected"})
WAITING: Final[frozenset[str]] = frozenset({"queued", "scheduled", "deferred"})
_T = TypeVar("_T")
# A copy may be out, or have been: what the receiving side reports later still counts.
_TRIED: Final = frozenset({"sending", "in_doubt", "deferred", "failed", "suppressed"})


@dataclass(frozen=True, kw_only=True)
class Transition:
    """`event` leads to `to` from any of `after` (None: from nothing), also when held unless `held` is False.

    `finality` orders facts that end an email: one that ends it outranks any attempt, and of two the higher counts.
    `step` orders facts within an attempt.
    """

    event: str
    to: Status
    after: frozenset[str | None]
    step: int = 0
    finality: int = 0
    held: bool = True


def _row(event: str, to: Status, after: AbstractSet[str | None], *, step: int = 0, finality: int = 0) -> Transition:
    return Transition(event=event, to=to, after=frozenset(after), step=step, finality=finality)


def _attempt(event: str, to: Status, after: AbstractSet[str | None], *, step: int) -> Transition:
    return Transition(event=event, to=to, after=frozenset(after), step=step, held=False)


TRANSITIONS: Final = (
    _row("email.queued", "queued", {None}, step=10),
    _row("email.scheduled", "scheduled", {"queued"}, step=20),
    _row("email.rescheduled", "scheduled", {"queued", "scheduled"}, step=20),
    _attempt("email.sending", "sending", WAITING, step=40),
    # From a waiting state when no connection was had: that attempt counts, though it was never marked.
    _attempt("email.deferred", "deferred", WAITING | {"sending"}, step=50),
    _attempt("email.in_doubt", "in_doubt", {"sending"}, step=50),
    # From `sending` when the former owner's report comes before the new owner has written its doubt.
    _attempt("email.resolved:retry", "deferred", {"in_doubt", "sending"}, step=60),
    # What ends an email. A copy that got there outranks our giving up; a DSN after that outranks it again.
    _row("email.rejected", "rejected", {None}, finality=1),
    _row("email.suppressed", "suppressed", WAITING, finality=2),
    _row("email.cancelled", "cancelled", WAITING, finality=2),
    # From `deferred`: an operator's word on a retry that is pending after a doubt.
    _row("email.resolved:give_up", "failed", {"in_doubt", "deferred"}, finality=2),
    # From `failed`: the decision to give a doubt up and the failure that it causes are two facts.
    _row("email.failed", "failed", WAITING | {"sending", "in_doubt", "failed"}, finality=2),
    _row("email.bounced:smtp", "bounced", {"sending"}, finality=3),
    # From `bounced`: the notice that proves it is a fact already.
    _row("email.resolved:bounced", "bounced", _TRIED | {"bounced"}, finality=3),
    _row("email.delivered", "delivered", {"sending"}, finality=4),
    # Late proof: also after the email was given up, put back, or suppressed before its next attempt.
    _row("email.resolved:delivered", "delivered", _TRIED, finality=4),
    # The receiving side changes its mind: delivered is turned into bounced, and both facts stay. Two DSN are no news.
    _row("email.bounced:dsn", "bounced", _TRIED | {"delivered", "bounced"}, finality=5),
    _row("email.bounced:provider", "bounced", _TRIED | {"delivered", "bounced"}, finality=5),
)
_BY_EVENT: Final = {row.event: row for row in TRANSITIONS}


class Furthest(Struct, frozen=True, order=True, array_like=True):
    """How far an email has come: compared as a whole."""

    finality: int
    attempt: int
    step: int
    at: datetime
    event_id: str


class EmailState(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an email's events fold to. Each member is a maximum, a minimum or a union, so any order gives the same."""

    furthest: Furthest | None = None
    base: Status | None = None
    hold: tuple[datetime, str, bool] | None = None
    schedule: tuple[datetime, str, datetime] | None = None
    attempts: int = 0
    opened_at: datetime | None = None
    clicked_at: datetime | None = None
    complained_at: datetime | None = None
    unsubscribed_at: datetime | None = None
    erased: bool = False

    @property
    def status(self) -> Status | None:
        """The email's status; None while nothing that has one is known."""
        held = self.hold is not None and self.hold[2]
        return "held" if held and self.base in WAITING else self.base

    @property
    def send_at(self) -> datetime | None:
        """When it is scheduled for, by the last word on it."""
        return self.schedule[2] if self.schedule else None


EMPTY: Final = EmailState()


def rule_name(event: EmailEvent) -> str:
    """The event's name in the table: its type, with the part that decides."""
    name = event_type(event)
    match event:
        case EmailResolved():
            return f"{name}:{event.decision}"
        case EmailBounced():
            return f"{name}:{event.origin}"
    return name


def transition(event: EmailEvent) -> Transition | None:
    """The event's row in the table; None for facts that lie beside the status."""
    return _BY_EVENT.get(rule_name(event))


def allowed(state: EmailState, event: EmailEvent) -> bool:
    """Whether an owner may write `event` about an email in `state`. Readers never ask: a fact is a fact."""
    held = state.status == "held"
    match event:
        case EmailHeld():
            return state.base in WAITING and not held
        case EmailReleased():
            return held
    row = transition(event)
    return row is None or (state.base in row.after and (row.held or not held))


def apply(state: EmailState, event: EmailEvent) -> EmailState:
    """The state with one more fact: commutative, associative, idempotent."""
    row = transition(event)
    if row is None:
        return _beside(state, event)
    state = _step(state, event, row)
    return _beside(state, event) if row.to == "scheduled" else state  # the only step that says more than the status


def _step(state: EmailState, event: EmailEvent, row: Transition) -> EmailState:
    reached = Furthest(row.finality, event.attempt, row.step, event.occurred_at, event.event_id.hex)
    if state.furthest is not None and state.furthest >= reached:
        return replace(state, attempts=max(state.attempts, event.attempt))
    return replace(state, furthest=reached, base=row.to, attempts=max(state.attempts, event.attempt))


def _beside(state: EmailState, event: EmailEvent) -> EmailState:
    at = event.occurred_at
    match event:
        case EmailHeld() | EmailReleased():
            held = isinstance(event, EmailHeld)
            return replace(state, hold=_latest(state.hold, (at, event.event_id.hex, held)))
        case EmailScheduled() | EmailRescheduled():
            return replace(state, schedule=_latest(state.schedule, (at, event.event_id.hex, event.send_at)))
        case EmailOpened():
            return replace(state, opened_at=_first(state.opened_at, at))
        case EmailClicked():
            return replace(state, clicked_at=_first(state.clicked_at, at))
        case EmailComplained():
            return replace(state, complained_at=_first(state.complained_at, at))
        case EmailUnsubscribed():
            return replace(state, unsubscribed_at=_first(state.unsubscribed_at, at))
        case EmailErased():
            return replace(state, erased=True)
    return state


def _first(known: datetime | None, at: datetime) -> datetime:
    return at if known is None else min(known, at)


def _latest(known: tuple[datetime, str, _T] | None, candidate: tuple[datetime, str, _T]) -> tuple[datetime, str, _T]:
    return candidate if known is None or candidate[:2] > known[:2] else known
