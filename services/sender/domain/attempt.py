"""An attempt's life: begun by a mark, ended by an outcome, or left in doubt."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from msgspec.structs import asdict, replace

from services.sender.domain.decision import NOTHING, Decision, envelope, final
from services.sender.domain.retry import RetryPolicy, retry_at
from services.sender.replies import classify
from shared.bounces.classifier import Classifier
from shared.commands import SmtpResult
from shared.events import (
    EmailBounced,
    EmailDeferred,
    EmailDelivered,
    EmailFailed,
    EmailInDoubt,
    EmailSending,
    EmailSuppressed,
    SuppressionAdded,
)
from shared.ids import derived_id
from shared.records import OpenEmail, Suppression

FailureReason = Literal[
    "expired", "attempts", "rendering", "undeliverable_content", "unroutable", "blob_missing", "in_doubt"
]
EMPTY = SmtpResult()


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How an attempt ended, as the delivery learnt it, and when.

    `marked` says whether `email.sending` had been written.
    """

    kind: Literal["delivered", "deferred", "bounced", "in_doubt", "cut", "failed"]
    result: SmtpResult = EMPTY
    marked: bool = True
    session_ms: int = 0
    reason: FailureReason = "rendering"
    detail: str | None = None
    at: datetime | None = None


def after_hold(email: OpenEmail, *, released_at: datetime) -> OpenEmail:
    """What was left of its retry span counts from the release on; its own validity, if it has one, does not move."""
    ends = max(email.expires_at, released_at + (email.expires_at - email.due_at))
    own = email.request.expires_at
    return replace(email, expires_at=min(ends, own) if own else ends)


def begin(email: OpenEmail, *, mx_host: str, tls_policy: str, now: datetime) -> Decision:
    """Mark the email: from the commit of this fact on, the attempt counts as begun (P3)."""
    marked = replace(email, status="sending", attempt=email.attempt + 1)
    fact = EmailSending(
        **envelope(marked, kind="email.sending", at=now),
        mx_host=mx_host,
        tls_policy=tls_policy,
        in_doubt_of=email.in_doubt_of,
    )
    return Decision(facts=(fact,), work=marked)


def end(
    email: OpenEmail, ended: Ended, *, policy: RetryPolicy, classifier: Classifier, now: datetime, chance: float
) -> Decision:
    """What the outcome of an attempt makes of the email."""
    if not ended.marked:
        email = replace(email, attempt=email.attempt + 1)
    email = replace(email, last_result=ended.result)
    match ended.kind:
        case "delivered":
            return _delivered(email, ended, now)
        case "bounced":
            return _bounced(email, ended.result, classifier=classifier, now=now)
        case "in_doubt":
            evidence, wait = ended.detail or "", timedelta(seconds=policy.first_seconds)
            return doubt(email, result=ended.result, evidence=evidence, now=now, wait=wait, since=now)
        case "failed":
            return give_up(email, reason=ended.reason, detail=ended.detail, now=now)
        case "cut":
            return _deferred(email, ended, retry=now, now=now)
        case "deferred":
            due = retry_at(policy, attempt=email.attempt, now=now, expires_at=email.expires_at, chance=chance)
            if due is None:
                reason: FailureReason = "attempts" if email.attempt >= policy.attempts else "expired"
                return give_up(email, reason=reason, detail=ended.detail, now=now)
            return _deferred(email, ended, retry=due, now=now)


def _delivered(email: OpenEmail, ended: Ended, now: datetime) -> Decision:
    since = max(email.queued_at, email.request.send_at or email.queued_at)
    fact = EmailDelivered(
        **envelope(email, kind="email.delivered", at=now),
        **asdict(ended.result),
        queue_ms=max(0, int((now - since).total_seconds() * 1000)),
        session_ms=ended.session_ms,
    )
    return Decision(facts=(fact,), work=final(email, outcome="delivered", at=now))


def _deferred(email: OpenEmail, ended: Ended, *, retry: datetime, now: datetime) -> Decision:
    fact = EmailDeferred(
        **envelope(email, kind="email.deferred", at=now),
        **asdict(ended.result),
        retry_at=retry,
        detail=ended.detail,
    )
    return Decision(facts=(fact,), work=replace(email, status="deferred", due_at=retry))


def _bounced(email: OpenEmail, result: SmtpResult, *, classifier: Classifier, now: datetime) -> Decision:
    judged = classify(result, classifier=classifier)
    fact = EmailBounced(
        **envelope(email, kind="email.bounced", at=now),
        **asdict(result),
        origin="smtp",
        bounce_class=judged.bounce_class,
        bounce_category=judged.category,
        classifier_version=classifier.version,
    )
    added = _suppress(email, cause=fact.event_id, now=now) if judged.suppresses else NOTHING
    return Decision(
        facts=(fact, *added.facts),
        work=final(email, outcome="bounced", at=now),
        suppressions=added.suppressions,
    )


def _suppress(email: OpenEmail, *, cause: UUID, now: datetime) -> Decision:
    tenant, ref = email.request.tenant, email.recipient_ref
    fact = SuppressionAdded(
        event_id=derived_id("event", cause, "email.suppression.added"),
        occurred_at=now,
        tenant=tenant,
        causation_id=cause,
        recipient_ref=ref,
        scope="tenant",
        reason="hard_bounce",
        causing_event_id=cause,
    )
    record = Suppression(
        tenant=tenant, scope="tenant", recipient_ref=ref, reason="hard_bounce", causing_event_id=cause, added_at=now
    )
    return Decision(facts=(fact,), suppressions=(record,))


def give_up(email: OpenEmail, *, reason: FailureReason, detail: str | None, now: datetime) -> Decision:
    """We give up: with the last reply, if there was one."""
    fact = EmailFailed(
        **envelope(email, kind="email.failed", at=now),
        **asdict(email.last_result or EMPTY),
        reason=reason,
        detail=detail,
    )
    return Decision(facts=(fact,), work=final(email, outcome="failed", at=now))


def suppress(email: OpenEmail, suppression: Suppression, *, now: datetime) -> Decision:
    """The list says no: at intake or at send time."""
    fact = EmailSuppressed(
        **envelope(email, kind="email.suppressed", at=now),
        reason=suppression.reason,
        scope=suppression.scope,
        causing_event_id=suppression.causing_event_id,
    )
    return Decision(facts=(fact,), work=final(email, outcome="suppressed", at=now))


def doubt(
    email: OpenEmail, *, result: SmtpResult, evidence: str, now: datetime, wait: timedelta, since: datetime
) -> Decision:
    """Nobody can know how the attempt ended; decided after `wait`, unless proof comes before: facts since `since`."""
    decide_at = now + wait
    fact = EmailInDoubt(
        **envelope(email, kind="email.in_doubt", at=now), **asdict(result), evidence=evidence, decide_at=decide_at
    )
    doubted = replace(
        email,
        status="in_doubt",
        doubts=email.doubts + 1,
        due_at=decide_at,
        last_result=result,
        proof_since=email.proof_since or since,
    )
    return Decision(facts=(fact,), work=doubted)
