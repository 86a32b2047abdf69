"""The read models: derived from the log, written by the projector alone, disposable. One schema per build of them.

The tables name no schema: whoever uses them sets the search path to the one that is live (`state.read_models`).
Every column is a function of the log: no clock, no serial number. So two builds at the same position are equal (P7).
"""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Computed,
    Date,
    DateTime,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSON, JSONB

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
    Column("status", Text, nullable=False, comment="received: facts are known, but not yet that it was queued"),
    Column("attempts", BigInteger, nullable=False, server_default=text("0")),
    Column("sender", Text),
    Column("template", Text),
    Column("template_version", BigInteger),
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
    Column("error_code", Text, comment="why it ended: of a rejection, failure, bounce or suppression"),
    Column("last_reply_code", BigInteger),
    Column("last_reply_text", Text),
    Column("updated_at", _TIME, nullable=False),
    Column("since", _TIME, Computed("coalesce(queued_at, updated_at)", persisted=True), comment="the order of lists"),
    Column("fold", JSON, nullable=False, comment="the projector's own: what the facts so far add up to"),
    PrimaryKeyConstraint("tenant", "email_id"),
)
# Lists are ordered by (since, email_id). `since` is a column and not an expression, so that an update that leaves it as
# it was need not touch the index.
Index("emails_newest", emails.c.tenant, emails.c.since, emails.c.email_id)
Index("emails_by_status", emails.c.tenant, emails.c.status, emails.c.since, emails.c.email_id)
Index("emails_by_batch", emails.c.tenant, emails.c.batch_id, emails.c.since, emails.c.email_id)
Index("emails_by_recipient", emails.c.tenant, emails.c.recipient_ref, emails.c.since, emails.c.email_id)
# Partial: each update of an email writes its index entries anew, so those that have no reference or tag pay nothing.
Index(
    "emails_by_template",
    emails.c.tenant,
    emails.c.template,
    emails.c.since,
    emails.c.email_id,
    postgresql_where=emails.c.template.is_not(None),
)
Index(
    "emails_by_reference",
    emails.c.tenant,
    emails.c.reference,
    emails.c.since,
    emails.c.email_id,
    postgresql_where=emails.c.reference.is_not(None),
)
Index("emails_by_tag", emails.c.tags, postgresql_using="gin", postgresql_where=emails.c.tags != text("'{}'"))

events = Table(
    "events",
    metadata,
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("tenant", Text, nullable=False),
    Column("event_id", Uuid, nullable=False),
    Column("email_id", Uuid),
    Column("batch_id", Uuid),
    Column("type", Text, nullable=False),
    Column("causation_id", Uuid),
    Column("occurred_at", _TIME, nullable=False),
    Column("logged_at", _TIME, nullable=False),
    Column("body", JSON, nullable=False, comment="the fact as it stands in the log"),
    PrimaryKeyConstraint("partition", "offset"),
    UniqueConstraint("tenant", "event_id", name="events_once"),
    comment="every fact once, at the first place where it stands in the log",
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
    PrimaryKeyConstraint("email_id"),  # a tombstone names no tenant
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
    Column("fold", JSON, nullable=False, server_default=text("'{}'"), comment="as in emails"),
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
    comment="emails of a batch by status, as far as they are queued or rejected; no row when there are none",
)

# What the summary counts, of emails by the day on which they were queued (or rejected). `accepted` are those queued;
# those named like a final status are in it now; the others were deferred, opened … at least once.
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
    Column("removed_at", _TIME, comment="not suppressed any more; kept so that late facts change nothing"),
    Column("event_id", Uuid, nullable=False, comment="the last word: the latest fact about it"),
    PrimaryKeyConstraint("tenant", "scope", "recipient_ref"),
)

Index("suppressions_in_order", suppressions.c.tenant, suppressions.c.recipient_ref, suppressions.c.scope)

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("next_offset", BigInteger, nullable=False),
    Column("logged_at", _TIME, comment="log time of the last record read"),
    PrimaryKeyConstraint("topic", "partition"),
    comment="up to where the log is in these tables; topics by their names without prefix",
)
