"""Attachments: names that are names, real base64, sizes that mail servers take."""

import binascii
import re
from typing import Final

from shared.acceptance.content import require_sha256
from shared.acceptance.limits import MAX_ATTACHMENTS, MAX_ATTACHMENTS_BYTES, MAX_FILENAME
from shared.acceptance.refusal import Refused
from shared.acceptance.texts import require_clean, require_few
from shared.commands import Attachment, SendEmail

_RESTRICTED: Final = r"[A-Za-z0-9!#$&^_.+-]{1,127}"  # RFC 6838 section 4.2
_MEDIA_TYPE: Final = re.compile(
    rf"{_RESTRICTED}/{_RESTRICTED}(?:; ?{_RESTRICTED}=(?:{_RESTRICTED}|\"[^\"\\]{{0,127}}\"))*"
)
_CONTENT_ID: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.@-]{1,200}")
_COMPOSITE: Final = ("multipart/", "message/")


def check_attachments(command: SendEmail) -> None:
    """Refuse what cannot be attached."""
    require_few(len(command.attachments), field="attachments", most=MAX_ATTACHMENTS)
    room = MAX_ATTACHMENTS_BYTES
    for number, attachment in enumerate(command.attachments):
        field = f"attachments[{number}]"
        _check_labels(attachment, field=field)
        room -= _size(attachment, field=field, room=room)


def _check_labels(attachment: Attachment, *, field: str) -> None:
    require_clean(attachment.filename, field=f"{field}.filename", longest=MAX_FILENAME)
    if not attachment.filename.strip(" .") or "/" in attachment.filename or "\\" in attachment.filename:
        raise Refused("attachment_invalid", f"{field}.filename", "is not a plain file name")
    require_clean(attachment.content_type, field=f"{field}.content_type")
    kind = attachment.content_type
    if not _MEDIA_TYPE.fullmatch(kind) or kind.lower().startswith(_COMPOSITE):
        raise Refused("attachment_invalid", f"{field}.content_type", "is not the media type of a file")
    require_clean(attachment.content_id, field=f"{field}.content_id")
    if attachment.content_id is not None and not _CONTENT_ID.fullmatch(attachment.content_id):
        raise Refused(
            "attachment_invalid", f"{field}.content_id", "is 1 to 200 characters of an address, without brackets"
        )


def _size(attachment: Attachment, *, field: str, room: int) -> int:
    """The size in bytes; judged by the length of its base64 before anything is decoded. A blob's was judged before."""
    if (attachment.content is None) == (attachment.blob is None):
        raise Refused("attachment_invalid", field, "give exactly one of content and blob")
    require_sha256(attachment.blob, field=f"{field}.blob")
    if attachment.content is None:
        return 0
    size = len(attachment.content) * 3 // 4
    if size - 2 > room:
        raise Refused("attachment_too_large", f"{field}.content", f"more than {MAX_ATTACHMENTS_BYTES} bytes in all")
    try:
        return len(binascii.a2b_base64(attachment.content, strict_mode=True))
    except ValueError:
        raise Refused("attachment_invalid", f"{field}.content", "is not base64 (RFC 4648 section 4)") from None
