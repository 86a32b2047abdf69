"""Commands on `email.requests` and `email.requests.bulk`: what may be asked, over HTTP and onto Kafka alike."""

import hashlib
from collections.abc import Iterable
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta, Struct, field

from shared.events.envelope import SmtpPhase, Stream, UtcTime

DEFAULT_TENANT = "default"
# What these two bound goes into facts whatever else is wrong with a command. (`$` alone would let a line end pass.)
Tenant = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$(?!\n)")]
Resolution = Literal["delivered", "bounced", "retry", "give_up"]
Words = Annotated[str, Meta(max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$(?!\n)")]


class Address(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A mailbox (RFC 5322 section 3.4): the address, and the name shown beside it."""

    email: str
    name: str | None = None


class Attachment(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A file. Exactly one of `content` (base64) and `blob` (the sha256 of bytes already stored).

    With a `content_id` it is an inline image, shown by `<img src="cid:…">` (RFC 2392).
    """

    filename: str
    content_type: str = "application/octet-stream"
    content: str | None = None
    blob: str | None = None
    content_id: str | None = None


class Tracking(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Which tracking the email carries."""

    opens: bool = True
    clicks: bool = True


class Content(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a client says of one email. Either `html`/`text` with `subject`, or `template` with `variables`.

    `html_blob` and `text_blob` are the sha256 of bodies that were too large for a record and are stored apart.
    """

    sender: str | Address = field(name="from")
    to: str | Address
    reply_to: str | Address | None = None
    subject: str | None = None
    html: str | None = None
    text: str | None = None
    html_blob: str | None = None
    text_blob: str | None = None
    template: str | None = None
    template_version: int | None = None
    variables: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()
    send_at: UtcTime | None = None
    expires_at: UtcTime | None = None
    stream: Stream = "transactional"
    list: str | None = None
    tags: tuple[str, ...] = ()
    reference: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    tracking: Tracking = Tracking()


class SendEmail(Content, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, tag_field="type"):
    """Send one email to one recipient. `email_id` is the identity within `tenant` and the record's key."""

    email_id: UUID
    tenant: Tenant = DEFAULT_TENANT
    batch_id: UUID | None = None
    retry_of: UUID | None = None
    command_id: UUID | None = None


class EmailCommand(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, tag_field="type"):
    """A command on an existing email; goes to `email.requests` whatever the email's stream (rule 9)."""

    email_id: UUID
    tenant: Tenant = DEFAULT_TENANT
    command_id: UUID | None = None
    by: Words = "api"


class CancelEmail(EmailCommand, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Do not attempt it (again); answered by `email.cancelled` or `email.cancel_refused`."""

    reason: Words | None = None


class RescheduleEmail(EmailCommand, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Attempt it at another time."""

    send_at: UtcTime


class HoldEmail(EmailCommand, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Do not attempt it until released."""

    reason: Words | None = None


class ReleaseEmail(EmailCommand, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Attempt it after all."""

    reason: Words | None = None


class SmtpResult(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How an SMTP dialogue ended, in the words of the event fields of the same names."""

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


class ReportOutcome(EmailCommand, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What an attempt came to, learnt after its partition had been lost (our own senders only)."""

    attempt: int
    outcome: Literal["delivered", "bounced", "deferred"]
    result: SmtpResult


class ResolveEmail(EmailCommand, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Settle a doubt: somebody knows what became of the attempt, or decides in the policy's place.

    `delivered` and `bounced` say what happened, `retry` and `give_up` what to do. Answered by `email.resolved` or
    `email.request_refused`.
    """

    outcome: Resolution
    reason: Words


Command = SendEmail | CancelEmail | RescheduleEmail | HoldEmail | ReleaseEmail | ReportOutcome | ResolveEmail

_DEEPEST = 64
_CONTAINERS = (dict, list)
_encoder = msgspec.json.Encoder()
_canonical = msgspec.json.Encoder(order="sorted")
_decoder: msgspec.json.Decoder[Command] = msgspec.json.Decoder(Command)


def encode(command: Command) -> bytes:
    """The command as JSON."""
    return _encoder.encode(command)


def decode(value: bytes | None) -> Command:
    """The command in `value`; raises msgspec.DecodeError (or ValidationError, with the field's path).

    Raises RecursionError for what is nested too deeply: whatever comes out of here can also be encoded.
    """
    command = _decoder.decode(value or b"")
    if isinstance(command, SendEmail) and value and value.count(b"{") + value.count(b"[") > _DEEPEST:
        _require_shallow(command)
    return command


def _require_shallow(command: SendEmail) -> None:
    if nested_deeper(command.variables, _DEEPEST):
        raise RecursionError("variables are nested too deeply")


def nested_deeper(value: Any, levels: int) -> bool:
    """Whether objects and arrays lie in each other more than so many levels deep."""
    level = [value]
    for _ in range(levels):
        level = [inner for outer in level for inner in _members(outer) if isinstance(inner, _CONTAINERS)]
        if not level:
            return False
    return True


def _members(container: Any) -> Iterable[Any]:
    return container.values() if isinstance(container, dict) else container


def request_hash(command: SendEmail) -> str:
    """Equal for equal requests: all of the body but the command's own id, whatever the order of its members."""
    same = msgspec.structs.replace(command, command_id=None)
    return hashlib.sha256(_canonical.encode(same)).hexdigest()[:32]
