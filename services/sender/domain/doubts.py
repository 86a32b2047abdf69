"""How a doubt is settled: by the stream's policy, by a reply learnt late, by a fact that proves it, by an operator."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from msgspec.structs import asdict, replace

from services.sender.domain.attempt import EMPTY, give_up
from services.sender.domain.decision import NOTHING, Decision, envelope, final
from services.sender.domain.retry import RetryPolicy
from shared.commands import ReportOutcome, Resolution, ResolveEmail, SmtpResult
from shared.events import (
    EmailAutoReplied,
    EmailBounced,
    EmailClicked,
    EmailComplained,
    EmailDelayReported,
    EmailEvent,
    EmailOpened,
    EmailResolved,
    EmailUnsubscribed,
)
from shared.events.codec import event_type
from shared.ids import event_id_for
from shared.records import FinalEmail, OpenEmail

LATE: Final = "the reply was learnt after the partition had moved on"
UNKNOWN: Final = "the outcome of the last attempt is unknown"
_BY_A_COPY: Final = (
    EmailOpened,
    EmailClicked,
    EmailUnsubscribed,
    EmailComplained,
    EmailAutoReplied,
    EmailDelayReported,
)


def decide(email: OpenEmail, *, policy: RetryPolicy, now: datetime) -> Decision:
    """The stream's policy settles a doubt that no proof has settled."""
    again = policy.in_doubt == "retry" and email.doubts <= policy.in_doubt_retries and now < email.expires_at
    reason = f"the stream's policy for a doubt is {policy.in_doubt}; this was doubt {email.doubts}"
    return _settled(email, "retry" if again else "give_up", by="policy", reason=reason, now=now)


def proven_by(fact: EmailEvent) -> Resolution | None:
    """What a fact proves of the email: only a copy that arrived is read, complained about or sent back."""
    if isinstance(fact, _BY_A_COPY):
        return "delivered"
    return "bounced" if isinstance(fact, EmailBounced) and fact.origin != "smtp" else None


def prove(email: OpenEmail, fact: EmailEvent, *, now: datetime) -> Decision:
    """A fact settles the doubt, also while the retry is pending. While one is under way its reply is waited for."""
    outcome = proven_by(fact)
    mine = fact.tenant == email.request.tenant and email.proof_since is not None
    if outcome is None or not mine or not _can_be_settled(email):
        return NOTHING
    reason = f"{event_type(fact)}: a copy had arrived"
    return _settled(email, outcome, by="proof", reason=reason, now=now, cause=fact.event_id)


def resolve(email: OpenEmail, command: ResolveEmail, *, cause: UUID, now: datetime) -> Decision:
    """An operator's word; NOTHING when there is no doubt, or the retry that is asked for is pending already."""
    asked_again = command.outcome == "retry" and email.status != "in_doubt"
    if not _can_be_settled(email) or asked_again:
        return NOTHING
    return _settled(email, command.outcome, by=command.by, reason=command.reason, now=now, cause=cause)


def resolve_given_up(email: FinalEmail, command: ResolveEmail, *, cause: UUID, now: datetime) -> Decision:
    """What became of an email that was given up in doubt; NOTHING when it was not."""
    if not email.doubts or email.outcome != "failed" or command.outcome not in ("delivered", "bounced"):
        return NOTHING
    fact = EmailResolved(
        **_envelope(email, command.email_id, cause=cause, now=now),
        decision=command.outcome,
        by=command.by,
        reason=command.reason,
    )
    return Decision(facts=(fact,), work=replace(email, outcome=command.outcome))


def settle(email: OpenEmail | FinalEmail | None, report: ReportOutcome, *, cause: UUID, now: datetime) -> Decision:
    """Late proof from a sender that had lost the partition (rule 5); proof about another attempt changes nothing."""
    if email is None or email.attempt != report.attempt:
        return NOTHING
    if isinstance(email, FinalEmail):
        return _settle_given_up(email, report, cause=cause, now=now)
    if email.status not in ("in_doubt", "sending"):
        return NOTHING
    outcome: Resolution = "retry" if report.outcome == "deferred" else report.outcome
    settled = _settled(email, outcome, by="sender", reason=LATE, now=now, cause=cause, result=report.result)
    if isinstance(settled.work, OpenEmail):  # refused, for now: that attempt is in doubt no more
        return Decision(facts=settled.facts, work=replace(settled.work, in_doubt_of=email.in_doubt_of))
    return settled


def _settle_given_up(email: FinalEmail, report: ReportOutcome, *, cause: UUID, now: datetime) -> Decision:
    """We had given up, and now learn that the recipient has it."""
    if email.outcome != "failed" or report.outcome != "delivered":
        return NOTHING
    fact = EmailResolved(
        **_envelope(email, report.email_id, cause=cause, now=now),
        **asdict(report.result),
        decision="delivered",
        by="sender",
        reason=LATE,
    )
    return Decision(facts=(fact,), work=replace(email, outcome="delivered"))


def _can_be_settled(email: OpenEmail) -> bool:
    return email.status == "in_doubt" or (email.doubts > 0 and email.status == "deferred")


def _settled(
    email: OpenEmail,
    outcome: Resolution,
    *,
    by: str,
    reason: str,
    now: datetime,
    cause: UUID | None = None,
    result: SmtpResult = EMPTY,
) -> Decision:
    again = outcome == "retry"
    fact = EmailResolved(
        **envelope(email, kind="email.resolved", at=now, cause=cause),
        **asdict(result),
        decision=outcome,
        by=by,
        reason=reason,
        retry_at=now if again else None,
    )
    if again:
        waits = replace(email, status="deferred", due_at=now, in_doubt_of=email.attempt)
        return Decision(facts=(fact,), work=waits)
    if outcome == "give_up":
        failed = give_up(email, reason="in_doubt", detail=UNKNOWN, now=now)
        return Decision(facts=(fact, *failed.facts), work=failed.work)
    return Decision(facts=(fact,), work=final(email, outcome=outcome, at=now))


def _envelope(email: FinalEmail, email_id: UUID, *, cause: UUID, now: datetime) -> Any:
    """Of a fact about a final email, of which little is known any more."""
    return {
        "event_id": event_id_for(subject=email_id, kind="email.resolved", attempt=email.attempt, cause=cause),
        "occurred_at": now,
        "tenant": email.tenant,
        "causation_id": cause,
        "email_id": email_id,
        "stream": "transactional",
        "attempt": email.attempt,
    }
