"""What a template makes of variables: previews, and test mail."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from msgspec import Struct, field

from services.api.domain.templates import TemplateRequest, content_hash
from shared.commands import Address
from shared.events.envelope import Stream
from shared.records import TemplateVersion

CLIPPED: Final = 102 * 1024  # bytes of HTML, beyond which Gmail hides the rest
TEST_TAG: Final = "test"


class PreviewRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which version (the published one, when nothing is said), and what it is made with."""

    version: int | None = None
    draft: bool = False
    variables: dict[str, Any] = field(default_factory=dict)
    stream: Stream = "transactional"


class TestMailRequest(PreviewRequest, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A preview that is sent, to one address of one's own."""

    sender: str | Address = field(name="from")
    to: str | Address


class PreviewWarning(Struct, frozen=True):
    """What would go wrong with readers: `clipped`, `image_without_alt`, `unsubscribe_missing`."""

    code: str
    detail: str


class PreviewView(Struct, frozen=True, kw_only=True):
    """A mail as the sender would make it, before its links are tracked. `size` is the bytes of its HTML."""

    subject: str
    html: str | None
    text: str | None
    size: int
    warnings: tuple[PreviewWarning, ...]


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """A rendered mail, and what was seen in it: how many images have no alt attribute."""

    subject: str
    html: str | None
    text: str | None
    images_without_alt: int = 0


def draft_version(content: TemplateRequest, *, tenant: str, name: str, required: tuple[str, ...]) -> TemplateVersion:
    """A draft as if it were a version; its number, below zero, is its content's, so that none is taken for another."""
    return TemplateVersion(
        tenant=tenant,
        name=name,
        version=-int(content_hash(content)[:12], 16) - 1,
        subject=content.subject,
        html=content.html,
        text=content.text,
        required=required,
        variables_schema=content.variables_schema,
    )


def view_of(rendered: Rendered, *, version: TemplateVersion, stream: Stream) -> PreviewView:
    """The answer."""
    size = len((rendered.html or "").encode())
    found = tuple(_warnings(rendered, size=size, version=version, stream=stream))
    return PreviewView(subject=rendered.subject, html=rendered.html, text=rendered.text, size=size, warnings=found)


def _warnings(rendered: Rendered, *, size: int, version: TemplateVersion, stream: Stream) -> Iterator[PreviewWarning]:
    if size > CLIPPED:
        yield PreviewWarning("clipped", f"Gmail hides what is beyond {CLIPPED} bytes; these are {size}")
    if (count := rendered.images_without_alt) > 0:
        detail = f"images without an alt attribute: {count}; readers who see no images see nothing of them"
        yield PreviewWarning("image_without_alt", detail)
    if stream == "broadcast" and not _leaves(version):
        detail = "broadcast mail should show its readers {{ unsubscribe_url }}"
        yield PreviewWarning("unsubscribe_missing", detail)


def _leaves(version: TemplateVersion) -> bool:
    return all("unsubscribe_url" in body for body in (version.html, version.text) if body is not None)
