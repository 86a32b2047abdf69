"""What the API answers, as Structs: the bodies, and through their schemas the OpenAPI document."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType

from services.api.domain.errors import ItemProblem
from shared.commands import Resolution
from shared.events.envelope import UtcTime
from shared.lifecycle import Status


class Receipt(Struct, frozen=True, kw_only=True):
    """An email that Kafka has acknowledged. What became of it is at `GET /v1/emails/{email_id}`."""

    email_id: UUID
    status: Status = "received"


class ItemResult(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One email of a batch: accepted, with its id, or the problem with it."""

    index: int
    email_id: UUID | None = None
    problem: ItemProblem | None = None


class BatchReceipt(Struct, frozen=True, kw_only=True):
    """A batch that Kafka has acknowledged, with a result for each email in the order given."""

    batch_id: UUID
    acknowledged: int
    refused: int
    emails: tuple[ItemResult, ...]


class Personal(Struct, frozen=True, kw_only=True):
    """The personal part of an email; gone when it was erased."""

    address: str
    name: str | None
    reply_to: str | None
    subject: str | None
    metadata: dict[str, str]


class EmailView(Struct, frozen=True, kw_only=True):
    """An email: its status, times and last reply; `timeline` has each fact about it, with its cause, in order.

    `delivered` means that the next mail server took it. Times are UTC.
    """

    email_id: UUID
    status: Status
    stream: str
    batch_id: UUID | None
    recipient_ref: str | None
    recipient_domain: str | None
    sender: str | None
    template: str | None
    template_version: int | None
    list: str | None
    tags: tuple[str, ...]
    reference: str | None
    attempts: int
    queued_at: datetime | None
    send_at: datetime | None
    expires_at: datetime | None
    delivered_at: datetime | None
    opened_at: datetime | None
    clicked_at: datetime | None
    complained_at: datetime | None
    unsubscribed_at: datetime | None
    updated_at: datetime
    error_code: str | None
    last_reply_code: int | None
    last_reply_text: str | None
    erased: bool
    personal: Personal | None
    timeline: tuple[dict[str, Any], ...] | UnsetType = UNSET


class EmailPage(Struct, frozen=True, kw_only=True):
    """A page of emails, the newest first; ask again with `next_cursor` for the next."""

    emails: tuple[EmailView, ...]
    next_cursor: str | None


class EventPage(Struct, frozen=True, kw_only=True):
    """A page of the facts about an email, each with its cause, in the order in which they happened."""

    email_id: UUID
    events: tuple[dict[str, Any], ...]
    next_cursor: str | None


class CancelRequest(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Why an email is cancelled: for operators, it stands in an event. Write nothing personal there."""

    reason: str | None = None


class CancelAnswer(Struct, frozen=True, kw_only=True):
    """`cancelled`: will never be attempted. `requested`: durably asked; the email's timeline will have the answer."""

    email_id: UUID
    status: str
    command_id: UUID


class RescheduleRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When the email is attempted instead; a time that has passed means now."""

    send_at: UtcTime


class RescheduleAnswer(Struct, frozen=True, kw_only=True):
    """`scheduled`: waits until `send_at`. `requested`: durably asked; the email's timeline will have the answer."""

    email_id: UUID
    status: str
    send_at: datetime
    command_id: UUID


class ResolveRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What becomes of an email in doubt, and why.

    `delivered` and `bounced` say what is known to have happened; `retry` and `give_up` what is to be done. The reason
    stands in an event: write nothing personal there.
    """

    outcome: Resolution
    reason: str


class ResolveAnswer(Struct, frozen=True, kw_only=True):
    """`resolved`: the doubt is settled so. `requested`: durably asked; the email's timeline will have the answer."""

    email_id: UUID
    status: str
    outcome: Resolution
    command_id: UUID


class Position(Struct, frozen=True, kw_only=True):
    """Up to where in the log an answer knows: next offsets by topic and partition, and the newest record's log time.

    `rules` is the version of the rules that judged the facts; `token` says offsets and rules in one word.
    """

    offsets: dict[str, dict[str, int]]
    rules: int
    token: str
    as_of: datetime | None


class BatchView(Struct, frozen=True, kw_only=True):
    """A batch. `counts` are exact at `position`; `acknowledged` is what the API had accepted when it closed the batch.

    `received` are those acknowledged and not yet read by the sender; both are null until the batch is closed. `rate` is
    how many emails a second became final lately, and `eta_seconds` how long the others take at that rate; each is null
    while nobody can say: at a first look, and for the time left while the batch is paused, still open or stands still.
    """

    batch_id: UUID
    stream: str
    template: str | None
    tags: tuple[str, ...]
    reference: str | None
    opened_at: datetime | None
    closed_at: datetime | None
    paused: bool
    cancelled: bool
    acknowledged: int | None
    refused: int | None
    received: int | None
    counts: dict[str, int]
    position: Position
    rate: float | None = None
    eta_seconds: float | None = None


class BatchControl(Struct, frozen=True, kw_only=True):
    """What was asked of a batch."""

    batch_id: UUID
    paused: bool


class BatchRate(Struct, frozen=True, kw_only=True):
    """The rate that was asked of a batch, durably: emails a second over all senders, or null."""

    batch_id: UUID
    max_rate: float | None


class BatchAsked(Struct, frozen=True, kw_only=True):
    """What was asked of a batch, durably; in effect within seconds."""

    batch_id: UUID
    asked: str


class SummaryRow(Struct, frozen=True, kw_only=True):
    """Counts of the emails that were accepted in the period, by what became of them."""

    key: str
    counts: dict[str, int]


class Summary(Struct, frozen=True, kw_only=True):
    """A report, at a position of the log."""

    by: str
    since: date
    until: date
    rows: tuple[SummaryRow, ...]
    total: dict[str, int]
    position: Position


class TemplateView(Struct, frozen=True, kw_only=True):
    """A version of a template, and which one is published."""

    name: str
    version: int
    published: int
    subject: str
    html: str | None
    text: str | None
    required: tuple[str, ...]
    content_hash: str
    variables_schema: dict[str, Any] | None


class SuppressionView(Struct, frozen=True, kw_only=True):
    """An address that is not sent to, by its keyed hash. `scope` is `tenant`, `stream:<stream>` or `list:<list>`."""

    recipient_ref: str
    scope: str
    reason: str
    causing_event_id: UUID | None
    added_at: datetime | None
    expires_at: datetime | None


class SuppressionsReceipt(Struct, frozen=True, kw_only=True):
    """How many addresses are not sent to any more, and what is wrong with the others: `index` counts from 0."""

    added: int
    refused: int
    problems: tuple[ItemProblem, ...]


class SuppressionPage(Struct, frozen=True, kw_only=True):
    """A page of suppressions."""

    suppressions: tuple[SuppressionView, ...]
    next_cursor: str | None
