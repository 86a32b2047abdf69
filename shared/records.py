"""Records of the topics that hold state: `email.work`, `email.personal`, `email.templates`, `email.suppressions`, …"""

from typing import Any, Literal
from uuid import UUID

import msgspec
from msgspec import Struct, field

from shared.commands import Command, SendEmail, SmtpResult
from shared.events.envelope import UtcTime

OpenStatus = Literal["staged", "queued", "scheduled", "held", "sending", "deferred", "in_doubt"]


class OpenEmail(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="open"):
    """An email before its final state: all that its owner must know to go on after a takeover.

    `attempt` is the number of the last attempt begun, `due_at` when the next one (or, in doubt, the decision) is due.
    `expires_at` is the end of its retry span or of its own validity, whichever comes first. After a doubt,
    `proof_since` is from when on other facts about it prove that a copy arrived.
    """

    request: SendEmail
    status: OpenStatus
    request_hash: str
    recipient_ref: str
    recipient_domain: str
    queued_at: UtcTime
    due_at: UtcTime
    expires_at: UtcTime
    attempt: int = 0
    doubts: int = 0
    in_doubt_of: int | None = None
    proof_since: UtcTime | None = None
    held: bool = False
    template_version: int | None = None
    last_result: SmtpResult | None = None
    traceparent: str | None = None


class FinalEmail(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="final"):
    """The small marker of a final email, for the deduplication window; then a tombstone."""

    tenant: str
    request_hash: str
    outcome: str
    attempt: int
    final_at: UtcTime
    doubts: int = 0


class WaitingCommands(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="waiting"):
    """Commands that came before their email (rule 9): refused when it has not come by the time given.

    `traceparents` are theirs, by the command's id.
    """

    commands: tuple[Command, ...]
    refuse_after: UtcTime
    requests_end: dict[str, int] = field(default_factory=dict)
    traceparents: dict[UUID, str] = field(default_factory=dict)


Work = OpenEmail | FinalEmail | WaitingCommands


class PersonalPart(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The personal part of an email; a tombstone erases it."""

    tenant: str
    address: str
    name: str | None = None
    reply_to: str | None = None
    subject: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)


class TemplateVersion(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="version"):
    """One immutable version of a template; keyed `tenant/name/version`.

    `variables_schema` is a JSON Schema (2020-12) that the variables are checked against at acceptance.
    """

    tenant: str
    name: str
    version: int
    subject: str
    html: str | None = None
    text: str | None = None
    required: tuple[str, ...] = ()
    content_hash: str = ""
    variables_schema: dict[str, Any] | None = None


class PublishedTemplate(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="published"):
    """Which version of a template is published; keyed `tenant/name`.

    A `deleted` one takes no new emails over HTTP; what was accepted before is made of that version all the same.
    """

    tenant: str
    name: str
    version: int
    deleted: bool = False


TemplateRecord = TemplateVersion | PublishedTemplate


class Suppression(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An address that must not be sent to; keyed `tenant/scope/recipient_ref`.

    `scope` is `tenant`, `stream:<stream>` or `list:<list>`.
    """

    tenant: str
    scope: str
    recipient_ref: str
    reason: str
    causing_event_id: UUID | None = None
    added_at: UtcTime | None = None
    expires_at: UtcTime | None = None


ControlKind = Literal[
    "batch",
    "cancelled",
    "rate",
    "stream",
    "tenant",
    "destination",
    "limits",
    "flush",
    "imposed",
    "weight",
    "warmup",
    "intake",
]


class Control(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The last word on something; keyed `tenant/kind/name`. The operators' tenant speaks for all tenants.

    A batch, stream, tenant or destination is held (`paused`), or was released at `at`. `cancelled`: a batch, for good;
    its own record, so that no later word about the batch takes its place. `rate`: emails a second of a batch. `limits`
    are an operator's for a destination: `rate` (emails a second), `connections`, `in_flight`. `flush`: at `at` all that
    replies and trouble had imposed on a destination was lifted and, with `deferred`, its deferred emails became due.
    `imposed` is what a `rule` on replies asks of a destination: nothing until `paused_until`; a `rate` and
    `connections` that double every `recovery` seconds, and end at `until`; `level` counts the times in a row. `weight`:
    turns of a tenant or batch.
    `warmup`: `count` emails of a source address's `day` were taken by the owner of a partition.
    `intake`: of a streamed batch's lines the first `count` are done with, `acknowledged` of them as emails, and
    `digest` is their rolling hash; `closed` when there are no more.
    """

    tenant: str
    kind: ControlKind
    name: str
    paused: bool = False
    by: str = "api"
    reason: str | None = None
    rate: float | None = None
    connections: int | None = None
    in_flight: int | None = None
    at: UtcTime | None = None
    until: UtcTime | None = None
    paused_until: UtcTime | None = None
    recovery: float | None = None
    rule: str | None = None
    level: int = 0
    deferred: bool = False
    weight: int | None = None
    day: str | None = None
    count: int = 0
    acknowledged: int = 0
    digest: str | None = None
    closed: bool = False


def control_key(control: Control) -> str:
    """The record key of a control."""
    return f"{control.tenant}/{control.kind}/{control.name}"


def suppression_key(*, tenant: str, scope: str, recipient_ref: str) -> str:
    """The record key of a suppression."""
    return f"{tenant}/{scope}/{recipient_ref}"


encode = msgspec.json.Encoder().encode
_work: msgspec.json.Decoder[Work] = msgspec.json.Decoder(Work)
_template: msgspec.json.Decoder[TemplateRecord] = msgspec.json.Decoder(TemplateRecord)
_personal = msgspec.json.Decoder(PersonalPart)
_suppression = msgspec.json.Decoder(Suppression)
_control = msgspec.json.Decoder(Control)


def decode_work(value: bytes) -> Work:
    """A record of `email.work`."""
    return _work.decode(value)


def decode_template(value: bytes) -> TemplateRecord:
    """A record of `email.templates`."""
    return _template.decode(value)


def decode_personal(value: bytes) -> PersonalPart:
    """A record of `email.personal`."""
    return _personal.decode(value)


def decode_suppression(value: bytes) -> Suppression:
    """A record of `email.suppressions`."""
    return _suppression.decode(value)


def decode_control(value: bytes) -> Control:
    """A record of `email.controls`."""
    return _control.decode(value)
