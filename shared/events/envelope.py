"""What every event carries: who, which email, which attempt, because of what."""

from datetime import datetime
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from msgspec import Meta, Struct

UtcTime = Annotated[datetime, Meta(tz=True)]
Stream = Literal["transactional", "broadcast"]
SmtpPhase = Literal["connect", "ehlo", "starttls", "auth", "mail_from", "rcpt_to", "data", "end_of_data"]


class Event(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    """A fact. It is never refused and never edited; its bytes are never rewritten.

    `event_id` is unique, and deterministic where an event can be re-made after a crash. `occurred_at` is UTC with
    microseconds, by the producer's clock. `causation_id` is the id of the command or event that caused this one.
    `version` is the version of the type's schema; `shared.events.upcasters` lifts older ones on read.
    """

    VERSION: ClassVar[int] = 1

    event_id: UUID
    occurred_at: UtcTime
    tenant: str
    causation_id: UUID | None = None
    version: int = 1


class EmailEvent(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A fact about one email. No personal data: the recipient is a keyed hash (`recipient_ref`) and a domain.

    `attempt` is the number of the attempt this belongs to, 0 before the first. `tags` and `reference` do not vary over
    an email's life: the sender writes them in `email.queued` and `email.rejected` only.
    """

    email_id: UUID
    stream: str
    batch_id: UUID | None = None
    recipient_ref: str | None = None
    recipient_domain: str | None = None
    attempt: int = 0
    tags: tuple[str, ...] = ()
    reference: str | None = None


class SmtpEvent(EmailEvent, frozen=True, kw_only=True, omit_defaults=True):
    """A fact that comes from an SMTP dialogue; the reply is the receiving side's own, never invented (RFC 5321, 3463).

    The recipient's address is replaced by a placeholder in `smtp_reply_text`. All are None when no reply was had.
    """

    smtp_phase: SmtpPhase | None = None
    smtp_reply_code: int | None = None
    enhanced_status_code: str | None = None
    smtp_reply_text: str | None = None
    mx_host: str | None = None
    mx_ip: str | None = None
    source_ip: str | None = None
    tls_version: str | None = None
    tls_cipher: str | None = None
    tls_verified: bool | None = None


class DsnEvent(SmtpEvent, frozen=True, kw_only=True, omit_defaults=True):
    """A fact that may come from a delivery status notification (RFC 3464); addresses replaced as above."""

    dsn_action: str | None = None
    dsn_status: str | None = None
    dsn_diagnostic_code: str | None = None
    dsn_reporting_mta: str | None = None
    dsn_remote_mta: str | None = None
