"""Literal content and files, from the request and from the blobs."""

import base64
from pathlib import Path

import pytest

from services.sender.adapters.content import File, literal_content, load_files
from shared.blobs import BlobMissing, Blobs
from shared.commands import Attachment
from shared.rendering.renderer import Rendered
from tests.unit.sender.adapters.mails import an_email

pytestmark = pytest.mark.asyncio


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(f"file://{tmp_path}")


async def test_content_of_the_request(blobs: Blobs) -> None:
    request = an_email(html="<p>Hello</p>").request
    assert await literal_content(request, blobs) == Rendered(subject="Invoice 1", html="<p>Hello</p>", text="Hello")


async def test_content_that_was_too_large_for_a_record(blobs: Blobs) -> None:
    stored = blobs.put("<p>Größe</p>".encode())
    request = an_email(html_blob=stored, text=None, text_blob="0" * 64).request
    with pytest.raises(BlobMissing):
        await literal_content(request, blobs)
    request = an_email(html_blob=stored, text=None).request
    assert await literal_content(request, blobs) == Rendered(subject="Invoice 1", html="<p>Größe</p>", text=None)


async def test_files(blobs: Blobs) -> None:
    attachments = (
        Attachment(filename="a.pdf", content_type="application/pdf", content=base64.b64encode(b"%PDF").decode()),
        Attachment(filename="b.png", content_type="image/png", blob=blobs.put(b"png"), content_id="logo"),
    )
    assert await load_files(attachments, blobs) == [
        File(filename="a.pdf", content_type="application/pdf", content=b"%PDF"),
        File(filename="b.png", content_type="image/png", content=b"png", content_id="logo"),
    ]
    with pytest.raises(BlobMissing):
        await load_files([Attachment(filename="c", blob="0" * 64)], blobs)
