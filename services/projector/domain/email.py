"""What an email's facts add up to: the lifecycle's state, and what its row says beside it.

Each member is a maximum, a minimum or a union over the facts, so neither order nor repetition matters (P6).
"""

from datetime import datetime
from typing import Final, TypeGuard

import msgspec
from msgspec import Struct

from shared.events import (
    EMAIL_EVENTS,
    EmailBounced,
    EmailDeferred,
    EmailDelivered,
    EmailEvent,
    EmailFailed,
    EmailQueued,
    EmailRejected,
    EmailRequestRefused,
    EmailResolved,
    EmailSuppressed,
    Event,
    SmtpEvent,
)
from shared.lifecycle import EMPTY, EmailState, Status, apply

# The fact that says most about an email has the lowest rank.
QUEUED: Final = 0
REJECTED: Final = 1
OTHER: Final = 2
_CONCERNING: Final[frozenset[type]] = frozenset(EMAIL_EVENTS) - {EmailRequestRefused}
_WITH_REPLY: Final[frozenset[type]] = frozenset(kind for kind in EMAIL_EVENTS if issubclass(kind, SmtpEvent))
_RANKS: Final[dict[type, int]] = {EmailQueued: QUEUED, EmailRejected: REJECTED}


class Origin(Struct, frozen=True, array_like=True, omit_defaults=True):
    """What does not vary over an email's life, by the fact that says most about it."""

    rank: int
    at: datetime
    event_id: str
    stream: str
    batch_id: str | None = None
    recipient_ref: str | None = None
    recipient_domain: str | None = None
    tags: tuple[str, ...] = ()
    reference: str | None = None
    sender: str | None = None
    template: str | None = None
    template_version: int | None = None
    list: str | None = None
    request_hash: str | None = None
    send_at: datetime | None = None
    expires_at: datetime | None = None


class Reply(Struct, frozen=True, array_like=True):
    """The receiving side's last words."""

    at: datetime
    event_id: str
    code: int | None
    text: str | None


class EmailFold(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The facts about one email so far. `error_code` is of the fact that its status comes from."""

    origin: Origin
    updated_at: datetime
    state: EmailState = EMPTY
    reply: Reply | None = None
    error_code: str | None = None
    delivered_at: datetime | None = None
    deferred: bool = False

    @property
    def status(self) -> Status:
        """`received` while it is known that there is such an email, and not yet that it was queued."""
        return self.state.status or "received"


encode: Final = msgspec.json.Encoder().encode
decode: Final = msgspec.json.Decoder(EmailFold).decode


def concerns(event: Event) -> TypeGuard[EmailEvent]:
    """Whether the fact says anything about an email; a refused command may name one that never was."""
    return type(event) in _CONCERNING


def add(fold: EmailFold | None, event: EmailEvent) -> EmailFold:
    """The fold with one more fact: commutative, associative, idempotent."""
    if fold is None:
        fold = EmailFold(origin=_origin(event), updated_at=event.occurred_at)
        origin = fold.origin
    else:
        origin = _first_origin(fold.origin, event)
    state = apply(fold.state, event)
    delivers = isinstance(event, EmailDelivered) or (isinstance(event, EmailResolved) and event.decision == "delivered")
    return EmailFold(
        origin=origin,
        updated_at=max(fold.updated_at, event.occurred_at),
        state=state,
        reply=_last_reply(fold.reply, event),
        error_code=fold.error_code if state.furthest is fold.state.furthest else _error_code(event),
        delivered_at=_earliest(fold.delivered_at, event.occurred_at) if delivers else fold.delivered_at,
        deferred=fold.deferred or isinstance(event, EmailDeferred),
    )


def _first_origin(known: Origin, event: EmailEvent) -> Origin:
    if _RANKS.get(type(event), OTHER) > known.rank:
        return known
    return min(known, _origin(event), key=lambda origin: (origin.rank, origin.at, origin.event_id))


def _origin(event: EmailEvent) -> Origin:
    common = (
        _RANKS.get(type(event), OTHER),
        event.occurred_at,
        event.event_id.hex,
        event.stream,
        str(event.batch_id) if event.batch_id else None,
        event.recipient_ref,
        event.recipient_domain,
        event.tags,
        event.reference,
    )
    if not isinstance(event, EmailQueued):
        return Origin(*common)
    return Origin(
        *common,
        event.sender,
        event.template,
        event.template_version,
        event.list,
        event.request_hash,
        event.send_at,
        event.expires_at,
    )


def _last_reply(known: Reply | None, event: EmailEvent) -> Reply | None:
    if type(event) not in _WITH_REPLY:
        return known
    assert isinstance(event, SmtpEvent)
    text = event.smtp_reply_text or getattr(event, "dsn_diagnostic_code", None)
    if text is None and event.smtp_reply_code is None:
        return known
    if known is not None and (known.at, known.event_id) >= (event.occurred_at, event.event_id.hex):
        return known
    return Reply(event.occurred_at, event.event_id.hex, event.smtp_reply_code, text)


def _error_code(event: EmailEvent) -> str | None:
    match event:
        case EmailRejected():
            return event.error_code
        case EmailFailed() | EmailSuppressed():
            return event.reason
        case EmailBounced():
            return event.bounce_category
        case EmailResolved(decision="give_up"):
            return "in_doubt"
    return None


def _earliest(known: datetime | None, at: datetime) -> datetime:
    return at if known is None else min(known, at)
