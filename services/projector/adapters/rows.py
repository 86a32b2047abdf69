"""From folds and facts to the columns of the read models. Pure."""

from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

from services.projector.domain.batch import BatchFold
from services.projector.domain.batch import encode as encode_batch
from services.projector.domain.email import QUEUED, EmailFold
from services.projector.domain.email import encode as encode_email
from services.projector.domain.tally import Cell, Share
from services.projector.handlers.ports import Fact, Key, Suppressing
from shared import records
from shared.events import SuppressionAdded
from shared.events.codec import event_type
from shared.records import PersonalPart

Row = tuple[Any, ...]
EVENT: Final = (
    "partition",
    "offset",
    "tenant",
    "event_id",
    "email_id",
    "batch_id",
    "type",
    "causation_id",
    "occurred_at",
    "logged_at",
    "body",
)
EMAIL: Final = (
    "tenant",
    "email_id",
    "stream",
    "batch_id",
    "recipient_ref",
    "recipient_domain",
    "status",
    "attempts",
    "sender",
    "template",
    "template_version",
    "list",
    "tags",
    "reference",
    "request_hash",
    "queued_at",
    "send_at",
    "expires_at",
    "delivered_at",
    "opened_at",
    "clicked_at",
    "complained_at",
    "unsubscribed_at",
    "erased",
    "error_code",
    "last_reply_code",
    "last_reply_text",
    "updated_at",
    "fold",
)
BATCH: Final = (
    "tenant",
    "batch_id",
    "stream",
    "template",
    "tags",
    "reference",
    "opened_at",
    "closed_at",
    "acknowledged",
    "refused",
    "paused",
    "cancelled",
    "fold",
)
SUPPRESSION: Final = (
    "tenant",
    "scope",
    "recipient_ref",
    "reason",
    "causing_event_id",
    "added_at",
    "expires_at",
    "removed_at",
    "event_id",
)
PERSONAL: Final = ("tenant", "email_id", "address", "name", "reply_to", "subject", "metadata")

SHARE: Final = Share._fields
CELL: Final = Cell._fields


def event_row(fact: Fact) -> Row:
    """The columns of `EVENT`."""
    event = fact.event
    return (
        fact.partition,
        fact.offset,
        event.tenant,
        event.event_id,
        getattr(event, "email_id", None),
        getattr(event, "batch_id", None),
        event_type(event),
        event.causation_id,
        event.occurred_at,
        fact.logged_at,
        fact.body,
    )


def email_row(key: Key, fold: EmailFold) -> Row:
    """The columns of `EMAIL`."""
    origin, state, reply = fold.origin, fold.state, fold.reply
    return (
        key.tenant,
        key.id,
        origin.stream,
        origin.batch_id,
        origin.recipient_ref,
        origin.recipient_domain,
        fold.status,
        state.attempts,
        origin.sender,
        origin.template,
        origin.template_version,
        origin.list,
        array(origin.tags),
        origin.reference,
        origin.request_hash,
        origin.at if origin.rank == QUEUED else None,
        state.send_at or origin.send_at,
        origin.expires_at,
        fold.delivered_at,
        state.opened_at,
        state.clicked_at,
        state.complained_at,
        state.unsubscribed_at,
        state.erased,
        fold.error_code,
        reply.code if reply else None,
        reply.text if reply else None,
        fold.updated_at,
        encode_email(fold).decode(),
    )


def batch_row(key: Key, fold: BatchFold) -> Row:
    """The columns of `BATCH`."""
    named, closed = fold.named, fold.closed
    return (
        key.tenant,
        key.id,
        named.stream,
        named.template,
        array(named.tags),
        named.reference,
        named.at if named.rank == 0 else None,
        closed.at if closed else None,
        closed.acknowledged if closed else None,
        closed.refused if closed else None,
        fold.paused is not None and fold.paused.paused,
        fold.cancelled,
        encode_batch(fold).decode(),
    )


def suppression_row(event: Suppressing) -> Row:
    """The columns of `SUPPRESSION`."""
    added = event if isinstance(event, SuppressionAdded) else None
    return (
        event.tenant,
        event.scope,
        event.recipient_ref,
        event.reason,
        event.causing_event_id,
        added.occurred_at if added else None,
        added.expires_at if added else None,
        None if added else event.occurred_at,
        event.event_id,
    )


def personal_row(email_id: UUID, part: PersonalPart) -> Row:
    """The columns of `PERSONAL`."""
    metadata = records.encode(part.metadata).decode()
    return part.tenant, email_id, part.address, part.name, part.reply_to, part.subject, metadata


def array(texts: Iterable[str]) -> str:
    """A text array as PostgreSQL writes it."""
    quoted = ('"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"' for text in texts)
    return "{" + ",".join(quoted) + "}"
