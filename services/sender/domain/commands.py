"""Commands on an existing email: cancel, reschedule, hold … Serial, and each answered by a fact (rule 9)."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from msgspec.structs import replace

from services.sender.domain.attempt import after_hold
from services.sender.domain.decision import NOTHING, Decision, envelope, final
from services.sender.domain.doubts import resolve, resolve_given_up, settle
from shared.acceptance.limits import MAX_SEND_AHEAD
from shared.commands import (
    CancelEmail,
    EmailCommand,
    HoldEmail,
    ReleaseEmail,
    ReportOutcome,
    RescheduleEmail,
    ResolveEmail,
    SendEmail,
)
from shared.events import (
    EmailCancelled,
    EmailCancelRefused,
    EmailHeld,
    EmailReleased,
    EmailRequestRefused,
    EmailRescheduled,
)
from shared.ids import derived_id, event_id_for
from shared.records import FinalEmail, OpenEmail, WaitingCommands, Work

GRACE: Final = timedelta(seconds=60)  # how long a command waits for its email to come
MOST_WAITING: Final = 20  # commands that may wait for one email: they stand in one record
WAITING: Final = ("staged", "queued", "scheduled", "deferred", "held")


def act(command: EmailCommand, known: Work | None, *, cause: UUID, now: datetime) -> Decision:
    """The decision about a command whose email is `known`."""
    if isinstance(command, ReportOutcome):
        return settle(known if isinstance(known, OpenEmail | FinalEmail) else None, command, cause=cause, now=now)
    if isinstance(known, OpenEmail) and known.request.tenant == command.tenant:
        return _on_open(command, known, cause=cause, now=now)
    if isinstance(known, FinalEmail) and known.tenant == command.tenant:
        return _on_final(command, known, cause=cause, now=now)
    return refuse(command, code="unknown_email", detail="there is no such email", cause=cause, now=now)


def wait(
    command: EmailCommand,
    known: WaitingCommands | None,
    *,
    ends: dict[str, int],
    now: datetime,
    traceparent: str | None = None,
) -> Decision:
    """Keep a command that came before its email; `ends` are the ends of both request partitions at its arrival."""
    earlier, traces = (known.commands, known.traceparents) if known else ((), {})
    if command.command_id is not None and traceparent is not None:
        traces = traces | {command.command_id: traceparent}
    waiting = WaitingCommands(
        commands=(*earlier, command),  # type: ignore[arg-type]
        refuse_after=now + GRACE,
        requests_end=ends,
        traceparents=traces,
    )
    return Decision(work=waiting)


def waiting_ones(waiting: WaitingCommands) -> Iterator[tuple[EmailCommand, UUID, str | None]]:
    """The commands that waited, each with its id and its trace."""
    for command in waiting.commands:
        if not isinstance(command, SendEmail):
            cause = command.command_id or derived_id("command", command.email_id, command.by)
            yield command, cause, waiting.traceparents.get(cause)


def refuse(command: EmailCommand, *, code: str, detail: str, cause: UUID, now: datetime) -> Decision:
    """A command that changes nothing."""
    fact = EmailRequestRefused(
        event_id=event_id_for(subject=command.email_id, kind="email.request_refused", cause=cause),
        occurred_at=now,
        tenant=command.tenant,
        causation_id=cause,
        email_id=command.email_id,
        stream="transactional",
        error_code=code,
        detail=detail,
    )
    return Decision(facts=(fact,))


def _on_final(command: EmailCommand, known: FinalEmail, *, cause: UUID, now: datetime) -> Decision:
    if isinstance(command, ResolveEmail):
        settled = resolve_given_up(known, command, cause=cause, now=now)
        if settled is not NOTHING:
            return settled
    if not isinstance(command, CancelEmail):
        return refuse(command, code="already_final", detail=f"the email is {known.outcome}", cause=cause, now=now)
    fact = EmailCancelRefused(
        event_id=event_id_for(subject=command.email_id, kind="email.cancel_refused", cause=cause),
        occurred_at=now,
        tenant=command.tenant,
        causation_id=cause,
        email_id=command.email_id,
        stream="transactional",
        attempt=known.attempt,
        reason=f"the email is {known.outcome}",
    )
    return Decision(facts=(fact,))


def _on_open(command: EmailCommand, email: OpenEmail, *, cause: UUID, now: datetime) -> Decision:
    match command:
        case CancelEmail():
            return _cancel(command, email, cause=cause, now=now)
        case RescheduleEmail():
            return _reschedule(command, email, cause=cause, now=now)
        case ResolveEmail():
            return _resolve(command, email, cause=cause, now=now)
        case HoldEmail() if not email.held and email.status in WAITING:
            held = EmailHeld(
                **envelope(email, kind="email.held", at=now, cause=cause), by=command.by, reason=command.reason
            )
            return Decision(facts=(held,), work=replace(email, held=True))
        case ReleaseEmail() if email.held:
            released = EmailReleased(
                **envelope(email, kind="email.released", at=now, cause=cause), by=command.by, reason=command.reason
            )
            return Decision(facts=(released,), work=after_hold(replace(email, held=False), released_at=now))
    return refuse(command, code="too_late", detail=f"the email is {email.status}", cause=cause, now=now)


def _cancel(command: CancelEmail, email: OpenEmail, *, cause: UUID, now: datetime) -> Decision:
    """Exact: cancelled only while no copy can be on its way; after an attempt began the answer is too late."""
    if email.status not in WAITING or email.doubts:
        refused = EmailCancelRefused(
            **envelope(email, kind="email.cancel_refused", at=now, cause=cause), reason=f"the email is {email.status}"
        )
        return Decision(facts=(refused,))
    fact = EmailCancelled(
        **envelope(email, kind="email.cancelled", at=now, cause=cause), by=command.by, reason=command.reason
    )
    return Decision(facts=(fact,), work=final(email, outcome="cancelled", at=now))


def _reschedule(command: RescheduleEmail, email: OpenEmail, *, cause: UUID, now: datetime) -> Decision:
    if email.status not in ("queued", "scheduled") or email.attempt:
        return refuse(command, code="too_late", detail="an attempt has begun", cause=cause, now=now)
    if command.send_at > now + MAX_SEND_AHEAD:
        return refuse(command, code="send_at_too_far", detail="is more than a year ahead", cause=cause, now=now)
    due, span = max(command.send_at, now), email.expires_at - email.due_at
    fact = EmailRescheduled(**envelope(email, kind="email.rescheduled", at=now, cause=cause), send_at=command.send_at)
    moved = replace(
        email,
        status="scheduled",
        due_at=due,
        expires_at=email.request.expires_at or due + span,
        request=replace(email.request, send_at=command.send_at),
    )
    return Decision(facts=(fact,), work=moved)


def _resolve(command: ResolveEmail, email: OpenEmail, *, cause: UUID, now: datetime) -> Decision:
    settled = resolve(email, command, cause=cause, now=now)
    if settled is not NOTHING:
        return settled
    return refuse(command, code="not_in_doubt", detail=f"the email is {email.status}", cause=cause, now=now)
