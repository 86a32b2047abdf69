"""The read models: derived from the log, written by the projector alone, disposable. One schema per build of them.

The tables name no schema: whoever uses them sets the search path to the one that is live (`state.read_models`).
"""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()
_TIME = DateTime(timezone=True)

emails = Table(
    "emails",
    metadata,
    Column("tenant", Text, nullable=False),
    Column("email_id", Uuid, nullable=False),
    Column("stream", Text, nullable=False),
    Column("batch_id", Uuid),
    Column("recipient_ref", Text),
    Column("recipient_domain", Text),
    Column("status", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("sender", Text),
    Column("template", Text),
    Column("template_version", Integer),
    Column("list", Text),
    Column("tags", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("reference", Text),
    Column("request_hash", Text),
    Column("queued_at", _TIME),
    Column("send_at", _TIME),
    Column("expires_at", _TIME),
    Column("delivered_at", _TIME),
    Column("opened_at", _TIME),
    Column("clicked_at", _TIME),
    Column("complained_at", _TIME),
    Column("unsubscribed_at", _TIME),
    Column("erased", Boolean, nullable=False, server_default=text("false")),
    Column("error_code", Text),
    Column("last_reply_code", Integer),
    Column("last_reply_text", Text),
    Column("updated_at", _TIME, nullable=False),
    Column("fold", JSONB, nullable=False),
    PrimaryKeyConstraint("tenant", "email_id"),
)
Index("emails_newest", emails.c.tenant, func.coalesce(emails.c.queued_at, emails.c.updated_at), emails.c.email_id)
Index("emails_by_batch", emails.c.tenant, emails.c.batch_id)
Index("emails_by_recipient", emails.c.tenant, emails.c.recipient_ref)

events = Table(
    "events",
    metadata,
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("event_id", Uuid, nullable=False, unique=True),
    Column("tenant", Text, nullable=False),
    Column("email_id", Uuid),
    Column("batch_id", Uuid),
    Column("type", Text, nullable=False),
    Column("causation_id", Uuid),
    Column("occurred_at", _TIME, nullable=False),
    Column("logged_at", _TIME, nullable=False),
    Column("body", JSONB, nullable=False),
    PrimaryKeyConstraint("partition", "offset"),
)
Index("events_by_email", events.c.tenant, events.c.email_id)

personal = Table(
    "personal",
    metadata,
    Column("tenant", Text, nullable=False),
    Column("email_id", Uuid, nullable=False),
    Column("address", Text, nullable=False),
    Column("name", Text),
    Column("reply_to", Text),
    Column("subject", Text),
    Column("metadata", JSONB, nullable=False),
    PrimaryKeyConstraint("tenant", "email_id"),
)

batches = Table(
    "batches",
    metadata,
    Column("tenant", Text, nullable=False),
    Column("batch_id", Uuid, nullable=False),
    Column("stream", Text, nullable=False),
    Column("template", Text),
    Column("tags", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("reference", Text),
    Column("opened_at", _TIME),
    Column("closed_at", _TIME),
    Column("acknowledged", BigInteger),
    Column("refused", BigInteger),
    Column("paused", Boolean, nullable=False, server_default=text("false")),
    Column("cancelled", Boolean, nullable=False, server_default=text("false")),
    PrimaryKeyConstraint("tenant", "batch_id"),
)

batch_counts = Table(
    "batch_counts",
    metadata,
    Column("tenant", Text, nullable=False),
    Column("batch_id", Uuid, nullable=False),
    Column("status", Text, nullable=False),
    Column("emails", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant", "batch_id", "status"),
)

COUNTED = (
    "accepted",
    "delivered",
    "bounced",
    "failed",
    "suppressed",
    "cancelled",
    "rejected",
    "deferred",
    "opened",
    "clicked",
    "complained",
    "unsubscribed",
)
summary = Table(
    "summary",
    metadata,
    Column("tenant", Text, nullable=False),
    Column("day", Date, nullable=False),
    Column("dimension", Text, nullable=False, comment="all, template, tag or recipient_domain"),
    Column("value", Text, nullable=False),
    *(Column(name, BigInteger, nullable=False, server_default=text("0")) for name in COUNTED),
    PrimaryKeyConstraint("tenant", "day", "dimension", "value"),
)

suppressions = Table(
    "suppressions",
    metadata,
    Column("tenant", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("recipient_ref", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("causing_event_id", Uuid),
    Column("added_at", _TIME),
    Column("expires_at", _TIME),
    PrimaryKeyConstraint("tenant", "scope", "recipient_ref"),
)

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("next_offset", BigInteger, nullable=False),
    Column("logged_at", _TIME),
    PrimaryKeyConstraint("topic", "partition"),
)
