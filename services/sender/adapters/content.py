"""What an email says and carries, fetched: literal bodies and attachments, from the request or from the blobs."""

import binascii
from collections.abc import Sequence
from dataclasses import dataclass

from shared.blobs import Blobs
from shared.commands import Attachment, SendEmail
from shared.rendering.renderer import Rendered


@dataclass(frozen=True, kw_only=True)
class File:
    """An attachment with its bytes; with a `content_id` it is shown inline."""

    filename: str
    content_type: str
    content: bytes
    content_id: str | None = None


async def literal_content(request: SendEmail, blobs: Blobs) -> Rendered:
    """The content of a request without a template; raises `BlobMissing`."""
    html = await _text(request.html, request.html_blob, blobs=blobs)
    return Rendered(
        subject=request.subject or "", html=html, text=await _text(request.text, request.text_blob, blobs=blobs)
    )


async def _text(inline: str | None, blob: str | None, *, blobs: Blobs) -> str | None:
    return inline if blob is None else (await blobs.get_async(blob)).decode("utf-8", "replace")


async def load_files(attachments: Sequence[Attachment], blobs: Blobs) -> list[File]:
    """The attachments with their bytes; raises `BlobMissing`."""
    return [await _file(attachment, blobs) for attachment in attachments]


async def _file(attachment: Attachment, blobs: Blobs) -> File:
    stored = attachment.blob is not None
    content = await blobs.get_async(attachment.blob or "") if stored else binascii.a2b_base64(attachment.content or "")
    return File(
        filename=attachment.filename,
        content_type=attachment.content_type,
        content=content,
        content_id=attachment.content_id,
    )
