"""What a SendEmail becomes: queued, scheduled, suppressed, rejected, or a repeat that changes nothing (P2)."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec.structs import replace

from services.sender.domain.attempt import suppress
from services.sender.domain.decision import NOTHING, Decision, envelope
from services.sender.domain.retry import RetryPolicy
from shared.acceptance import Accepted, Refusal
from shared.commands import SendEmail, request_hash
from shared.events import EmailQueued, EmailRejected, EmailRequestRefused, EmailScheduled
from shared.ids import event_id_for, made_at
from shared.records import FinalEmail, OpenEmail, PersonalPart, Suppression, TemplateVersion, Work

WINDOW: Final = timedelta(days=7)  # how long a final email's marker recognises its request again (rule 7)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A SendEmail as it was read: `command_id` names its cause, `appended_at` is the log's time of the record."""

    command: SendEmail
    command_id: UUID
    appended_at: datetime
    traceparent: str | None = None


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What the decision rests on beside the request."""

    known: Work | None
    checked: Accepted | Refusal
    template: TemplateVersion | None
    suppression: Suppression | None
    recipient_ref: str
    policy: RetryPolicy
    now: datetime


def send(asked: Asked, around: Surroundings) -> Decision:
    """The decision about one SendEmail."""
    known, command = around.known, asked.command
    if isinstance(known, OpenEmail | FinalEmail):
        return _again(asked, known, now=around.now)
    made = made_at(command.email_id)
    if made is not None and made < asked.appended_at - WINDOW:
        return refuse(asked, code="id_too_old", detail="the email_id was made more than 7 days ago", now=around.now)
    if isinstance(around.checked, Refusal):
        return reject(asked, around.checked, now=around.now)
    return _accept(asked, around.checked, around)


def _again(asked: Asked, known: OpenEmail | FinalEmail, *, now: datetime) -> Decision:
    tenant = known.request.tenant if isinstance(known, OpenEmail) else known.tenant
    if tenant != asked.command.tenant:
        return refuse(asked, code="id_conflict", detail="this email_id is taken", now=now)
    if known.request_hash != request_hash(asked.command):
        return refuse(asked, code="idempotency_conflict", detail="the same email_id came with another body", now=now)
    return NOTHING


def refuse(asked: Asked, *, code: str, detail: str, now: datetime) -> Decision:
    """A command that changes nothing."""
    fact = EmailRequestRefused(
        **_envelope(asked, kind="email.request_refused", now=now), error_code=code, field="email_id", detail=detail
    )
    return Decision(facts=(fact,))


def reject(asked: Asked, refusal: Refusal, *, now: datetime) -> Decision:
    """A new email refused by our rules; its marker recognises the request when it comes again."""
    command = asked.command
    fact = EmailRejected(
        **_envelope(asked, kind="email.rejected", now=now),
        error_code=refusal.code,
        field=refusal.field,
        detail=refusal.detail,
        tags=() if (refusal.field or "").startswith("tags") else command.tags,
    )
    marker = FinalEmail(
        tenant=command.tenant, request_hash=request_hash(command), outcome="rejected", attempt=0, final_at=now
    )
    return Decision(facts=(fact,), work=marker)


def _envelope(asked: Asked, *, kind: str, now: datetime) -> Any:
    command = asked.command
    return {
        "event_id": event_id_for(subject=command.email_id, kind=kind, cause=asked.command_id),
        "occurred_at": now,
        "tenant": command.tenant,
        "causation_id": asked.command_id,
        "email_id": command.email_id,
        "stream": command.stream,
        "batch_id": command.batch_id,
    }


def _accept(asked: Asked, accepted: Accepted, around: Surroundings) -> Decision:
    email = _open(asked, accepted, around)
    facts: list[EmailQueued | EmailScheduled] = [_queued(email, accepted, around)]
    if email.status == "scheduled":
        facts.append(EmailScheduled(**envelope(email, kind="email.scheduled", at=around.now), send_at=email.due_at))
    personal = PersonalPart(
        tenant=asked.command.tenant,
        address=accepted.recipient.address,
        name=accepted.recipient.name,
        reply_to=accepted.reply_to.address if accepted.reply_to else None,
        subject=asked.command.subject,
        metadata=asked.command.metadata,
    )
    if around.suppression is not None:
        stopped = suppress(email, around.suppression, now=around.now)
        return replace_decision(stopped, before=tuple(facts), personal=personal)
    return Decision(facts=tuple(facts), work=email, personal=personal)


def replace_decision(
    later: Decision, *, before: tuple[EmailQueued | EmailScheduled, ...], personal: PersonalPart
) -> Decision:
    """`later` with earlier facts in front."""
    return Decision(facts=(*before, *later.facts), work=later.work, personal=personal)


def _open(asked: Asked, accepted: Accepted, around: Surroundings) -> OpenEmail:
    command, now = asked.command, around.now
    start = max(now, command.send_at or now)
    span_end = start + timedelta(seconds=around.policy.span_seconds)
    waits = command.send_at is not None and command.send_at > now
    return OpenEmail(
        request=replace(command, command_id=asked.command_id),
        status="scheduled" if waits else "queued",
        request_hash=request_hash(command),
        recipient_ref=around.recipient_ref,
        recipient_domain=accepted.recipient_domain,
        queued_at=now,
        due_at=start if waits else min(now, asked.appended_at),  # a clock that is set back holds no email up
        expires_at=min(span_end, command.expires_at or span_end),
        template_version=around.template.version if around.template else None,
        traceparent=asked.traceparent,
    )


def _queued(email: OpenEmail, accepted: Accepted, around: Surroundings) -> EmailQueued:
    command = email.request
    return EmailQueued(
        **envelope(email, kind="email.queued", at=around.now),
        sender=accepted.sender.address,
        request_hash=email.request_hash,
        content_hash=content_hash(command, around.template),
        template=command.template,
        template_version=email.template_version,
        list=command.list,
        send_at=command.send_at,
        expires_at=command.expires_at,
        retry_of=command.retry_of,
        tags=command.tags,
        reference=command.reference,
    )


def content_hash(command: SendEmail, template: TemplateVersion | None) -> str:
    """Equal for emails made of the same content, whoever they go to."""
    content = (
        (template.name, template.content_hash)
        if template
        else (command.subject, command.html, command.text, command.html_blob, command.text_blob)
    )
    return hashlib.sha256(msgspec.json.encode((content, command.attachments))).hexdigest()[:32]
