"""What a list is asked for."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.api.domain.preferences import EmailCursor, EventCursor, SuppressionCursor


@dataclass(frozen=True, kw_only=True)
class EmailFilter:
    """Emails of a tenant, the newest first, `limit` of them after `cursor`; from `since` up to, not with, `until`."""

    tenant: str
    limit: int
    status: str | None = None
    batch_id: UUID | None = None
    recipient_ref: str | None = None
    email_id: UUID | None = None
    template: str | None = None
    tag: str | None = None
    reference: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    cursor: EmailCursor | None = None


@dataclass(frozen=True, kw_only=True)
class EventFilter:
    """Facts about an email in the order in which they happened, `limit` of them after `cursor`."""

    tenant: str
    email_id: UUID
    limit: int
    type: str | None = None
    cursor: EventCursor | None = None


@dataclass(frozen=True, kw_only=True)
class SuppressionFilter:
    """Suppressions of a tenant that have not expired by `now`, `limit` of them after `cursor`."""

    tenant: str
    limit: int
    now: datetime
    scope: str | None = None
    recipient_ref: str | None = None
    reason: str | None = None
    cursor: SuppressionCursor | None = None
