"""The facts about an email: one frozen type per event of the design's table."""

from typing import Literal
from uuid import UUID

from shared.events.envelope import DsnEvent, EmailEvent, SmtpEvent, UtcTime


class EmailQueued(EmailEvent, frozen=True, kw_only=True, omit_defaults=True, tag="email.queued"):
    """Read by the sender, durable, deduplicated. `sender` is the From address (ours, not personal)."""

    sender: str
    request_hash: str
    content_hash: str
    template: str | None = None
    template_version: int | None = None
    list: str | None = None
    send_at: UtcTime | None = None
    expires_at: UtcTime | None = None
    retry_of: UUID | None = None


class EmailScheduled(EmailEvent, frozen=True, kw_only=True, omit_defaults=True, tag="email.scheduled"):
    """Waits until `send_at`."""

    send_at: UtcTime


class EmailRescheduled(EmailEvent, frozen=True, kw_only=True, omit_defaults=True, tag="email.rescheduled"):
    """Waits until another `send_at`."""

    send_at: UtcTime


class EmailCancelled(EmailEvent, frozen=True, kw_only=True, omit_defaults=True, tag="email.cancelled"):
    """Will never be attempted (again)."""

    by: str
    reason: str | None = None


class EmailCancelRefused(EmailEvent, frozen=True, kw_only=True, omit_defaults=True, tag="email.cancel_refused"):
    """Too late: an attempt had begun, or the email was final."""

    reason: str


class EmailRejected(EmailEvent, frozen=True, kw_only=True, omit_defaults=True, tag="email.rejected"):
    """A new email refused by our rules; the same codes as over HTTP."""

    error_code: str
    field: str | None = None
    detail: str | None = None


class EmailRequestRefused(EmailEvent, frozen=True, kw_only=True, omit_defaults=True, tag="email.request_refused"):
    """A command that changes nothing: the same id with another body, an unknown id."""

    error_code: str
    field: str | None = None
    detail: str | None = None


class EmailSuppressed(EmailEvent, frozen=True, kw_only=True, omit_defaults=True, tag="email.suppressed"):
    """Blocked by the suppression list."""

    reason: str
    scope: str
    causing_event_id: UUID | None = None


class EmailSending(EmailEvent, frozen=True, kw_only=True, omit_defaults=True, tag="email.sending"):
    """An attempt starts: committed to Kafka before DATA."""

    mx_host: str
    source: str | None = None
    tls_policy: str = "opportunistic"
    in_doubt_of: int | None = None


class EmailDeferred(SmtpEvent, frozen=True, kw_only=True, omit_defaults=True, tag="email.deferred"):
    """A transient refusal (4xx) or connection trouble, to be tried again at `retry_at`."""

    retry_at: UtcTime
    detail: str | None = None


class EmailDelivered(SmtpEvent, frozen=True, kw_only=True, omit_defaults=True, tag="email.delivered"):
    """The next MTA answered 2xx to the end of data. Times in milliseconds: from queued to here, and of the dialogue."""

    queue_ms: int
    session_ms: int


class EmailBounced(DsnEvent, frozen=True, kw_only=True, omit_defaults=True, tag="email.bounced"):
    """A permanent refusal by the receiving side, in its own words."""

    origin: Literal["smtp", "dsn", "provider"]
    bounce_class: str
    bounce_category: str
    classifier_version: int


class EmailInDoubt(SmtpEvent, frozen=True, kw_only=True, omit_defaults=True, tag="email.in_doubt"):
    """The outcome of an attempt is unknown: nobody can know whether the recipient has it."""

    evidence: str
    decide_at: UtcTime | None = None


class EmailResolved(SmtpEvent, frozen=True, kw_only=True, omit_defaults=True, tag="email.resolved"):
    """A doubt settled: by proof (delivered or bounced), by the stream's policy (retry or give_up), or by an operator.

    `by` is `policy`, `sender` (a reply learnt late), `proof` (a fact that only a copy that arrived can cause; it is
    the `causation_id`), or whoever asked.
    """

    decision: Literal["delivered", "bounced", "retry", "give_up"]
    by: str
    reason: str
    retry_at: UtcTime | None = None


class EmailFailed(SmtpEvent, frozen=True, kw_only=True, omit_defaults=True, tag="email.failed"):
    """Given up by us; the SMTP fields are those of the last reply, if any."""

    reason: Literal[
        "expired", "attempts", "rendering", "undeliverable_content", "unroutable", "blob_missing", "in_doubt"
    ]
    detail: str | None = None


class EmailDelayReported(DsnEvent, frozen=True, kw_only=True, omit_defaults=True, tag="email.delay_reported"):
    """A DSN with Action: delayed. No change of state."""


class EmailAutoReplied(EmailEvent, frozen=True, kw_only=True, omit_defaults=True, tag="email.auto_replied"):
    """A vacation notice or a challenge (RFC 3834). No change of state."""

    kind: str


class EmailOpened(EmailEvent, frozen=True, kw_only=True, omit_defaults=True, tag="email.opened"):
    """A raw hit on the pixel, never filtered. `ip` is kept by policy (None, truncated or whole)."""

    method: str = "GET"
    user_agent: str | None = None
    ip: str | None = None
    count: int = 1


class EmailClicked(EmailEvent, frozen=True, kw_only=True, omit_defaults=True, tag="email.clicked"):
    """A raw hit on a link, never filtered. `link_position` counts from 0 in the order of the mail."""

    link_position: int
    method: str = "GET"
    link_id: str | None = None
    user_agent: str | None = None
    ip: str | None = None
    count: int = 1


class EmailComplained(EmailEvent, frozen=True, kw_only=True, omit_defaults=True, tag="email.complained"):
    """A complaint (ARF, RFC 5965, or a provider's)."""

    feedback_type: str
    attribution: str


class EmailUnsubscribed(EmailEvent, frozen=True, kw_only=True, omit_defaults=True, tag="email.unsubscribed"):
    """The recipient left a list (or the stream): by one-click POST (RFC 8058), the page's button, or mailto."""

    method: Literal["one_click", "link", "mailto"]
    list: str | None = None


class EmailHeld(EmailEvent, frozen=True, kw_only=True, omit_defaults=True, tag="email.held"):
    """Held back by an operator or a policy."""

    by: str
    reason: str | None = None


class EmailReleased(EmailEvent, frozen=True, kw_only=True, omit_defaults=True, tag="email.released"):
    """No longer held."""

    by: str
    reason: str | None = None


class EmailErased(EmailEvent, frozen=True, kw_only=True, omit_defaults=True, tag="email.erased"):
    """The personal data of this email is gone; sticky in every order."""

    by: str
    reason: str | None = None


class BounceReclassified(EmailEvent, frozen=True, kw_only=True, omit_defaults=True, tag="email.bounce.reclassified"):
    """A bounce judged again by a later classifier; a correction beside the fact."""

    bounce_class: str
    bounce_category: str
    classifier_version: int


EMAIL_EVENTS = (
    EmailQueued,
    EmailScheduled,
    EmailRescheduled,
    EmailCancelled,
    EmailCancelRefused,
    EmailRejected,
    EmailRequestRefused,
    EmailSuppressed,
    EmailSending,
    EmailDeferred,
    EmailDelivered,
    EmailBounced,
    EmailInDoubt,
    EmailResolved,
    EmailFailed,
    EmailDelayReported,
    EmailAutoReplied,
    EmailOpened,
    EmailClicked,
    EmailComplained,
    EmailUnsubscribed,
    EmailHeld,
    EmailReleased,
    EmailErased,
    BounceReclassified,
)
