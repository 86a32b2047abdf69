"""From what a client says of an email to the command that is written: ids given, large parts named by their hash."""

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

import msgspec
from msgspec.structs import replace

from shared.acceptance import Refusal
from shared.acceptance.limits import INLINE_BODY, MAX_RECORD
from shared.commands import Attachment, Content, SendEmail, encode


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A command fit for a record, and the large parts to store before it is written, by their SHA-256."""

    command: SendEmail
    large: dict[str, bytes] = field(default_factory=dict)


def to_command(
    content: Content, *, email_id: UUID, tenant: str, command_id: UUID, batch_id: UUID | None = None
) -> SendEmail:
    """The command that asks for this content."""
    same = {name: getattr(content, name) for name in Content.__struct_fields__}
    return SendEmail(**same, email_id=email_id, tenant=tenant, command_id=command_id, batch_id=batch_id)


def refuse_blobs(content: Content) -> Refusal | None:
    """Over HTTP parts come whole: the name of a stored part is for records on Kafka, by those who may write there."""
    attached = (f"attachments[{n}].blob" for n, each in enumerate(content.attachments) if each.blob is not None)
    bodies = (name for name in ("html_blob", "text_blob") if getattr(content, name) is not None)
    for name in (*bodies, *attached):
        return Refusal("unknown_field", name, "give the content itself")
    return None


def split(command: SendEmail) -> Prepared | Refusal:
    """Large bodies and all attachments taken out of an accepted command; equal parts are stored once."""
    large: dict[str, bytes] = {}
    bodies = dict(_split_bodies(command, large))
    attachments = tuple(_split_attachment(each, large) for each in command.attachments)
    small = replace(command, **bodies, attachments=attachments)
    size = len(encode(small))
    if size > MAX_RECORD:
        return Refusal("body_too_large", None, f"{size} bytes remain beside large parts, at most {MAX_RECORD} fit")
    return Prepared(command=small, large=large)


def _split_bodies(command: SendEmail, large: dict[str, bytes]) -> Iterator[tuple[str, str | None]]:
    for name in ("html", "text"):
        body = getattr(command, name)
        encoded = body.encode() if body is not None else b""
        if len(encoded) > INLINE_BODY:
            yield name, None
            yield f"{name}_blob", _put(encoded, large)


def _split_attachment(attachment: Attachment, large: dict[str, bytes]) -> Attachment:
    if attachment.content is None:
        return attachment
    return replace(attachment, content=None, blob=_put(base64.b64decode(attachment.content), large))


def _put(data: bytes, large: dict[str, bytes]) -> str:
    name = hashlib.sha256(data).hexdigest()
    large[name] = data
    return name


def decode_content(document: object) -> Content:
    """Content from a decoded JSON object; raises msgspec.ValidationError with the field's path."""
    return msgspec.convert(document, Content)
