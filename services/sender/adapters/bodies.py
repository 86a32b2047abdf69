"""The bodies as they go out: the postal address that broadcast mail must carry, a text part, tracked links."""

from dataclasses import dataclass
from html import escape
from typing import Final

from services.sender.adapters.links import TrackerLinks, track
from services.sender.adapters.parts import Part, text_part
from shared.commands import SendEmail
from shared.rendering.renderer import Rendered
from shared.rendering.text import plain_text

_STYLE: Final = "font-size:12px;color:#666;text-align:center"


@dataclass(frozen=True, kw_only=True)
class Finished:
    """The content of one email as it goes out; there is at least one of the two bodies."""

    subject: str
    html: Part | None
    text: Part | None


def finish(request: SendEmail, content: Rendered, *, links: TrackerLinks, postal_address: str | None) -> Finished:
    """The content of one email; the text part, when it is missing, is made of the HTML before its links are tracked."""
    address = required_address(request, postal_address)
    html, text = content.html, content.text
    if text is not None:
        if address is not None and address not in text:
            text = f"{text.rstrip()}{text_footer(address)}"
    elif html is not None:
        text = text_of(html, address)
    if html is not None:
        footer = "" if address is None or _says(html, address) else html_footer(address)
        tracking = request.tracking
        html = track(html, links, clicks=tracking.clicks, opens=tracking.opens, footer=footer)
    return Finished(
        subject=content.subject,
        html=None if html is None else text_part(html, subtype="html"),
        text=None if text is None else text_part(text, subtype="plain"),
    )


def required_address(request: SendEmail, postal_address: str | None) -> str | None:
    """The postal address that the email must carry, if it must."""
    return postal_address if request.stream == "broadcast" else None


def text_of(html: str, address: str | None) -> str | None:
    """A text part that says what the HTML says; None when there is nothing to be read in it."""
    text = plain_text(html)
    if not text:
        return None
    return text if address is None or _says(html, address) else f"{text.rstrip()}{text_footer(address)}"


def text_footer(address: str) -> str:
    """The end of a text that must carry the address."""
    return f"\n\n-- \n{address}\n"


def html_footer(address: str) -> str:
    """The end of a page that must carry the address."""
    return f'<p style="{_STYLE}">{escape(address)}</p>'


def _says(html: str, address: str) -> bool:
    return address in html or escape(address) in html
