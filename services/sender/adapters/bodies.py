"""The bodies as they go out: the postal address that broadcast mail must carry, a text part, tracked links."""

from dataclasses import dataclass
from html import escape
from typing import Final

import turbohtml

from services.sender.adapters.links import TrackerLinks, track
from services.sender.adapters.parts import Part, text_part
from services.sender.adapters.templates import Rendered
from shared.commands import SendEmail

_TEXT: Final = turbohtml.PlainText(width=72, links="footnote")
_STYLE: Final = "font-size:12px;color:#666;text-align:center"


@dataclass(frozen=True, kw_only=True)
class Bodies:
    """At least one of the two."""

    html: Part | None
    text: Part | None


def finish(request: SendEmail, content: Rendered, *, links: TrackerLinks, postal_address: str | None) -> Bodies:
    """The bodies of one email; the text part, when it is missing, is made of the HTML before its links are tracked."""
    address = required_address(request, postal_address)
    html, text = content.html, content.text
    if text is not None:
        text = text_with_address(text, address)
    elif html is not None:
        text = text_of(html, address)
    if html is not None:
        footer, tracking = html_footer(html, address), request.tracking
        html = track(html, links, clicks=tracking.clicks, opens=tracking.opens, footer=footer)
    return Bodies(
        html=None if html is None else text_part(html, subtype="html"),
        text=None if text is None else text_part(text, subtype="plain"),
    )


def required_address(request: SendEmail, postal_address: str | None) -> str | None:
    """The postal address that the email must carry, if it must."""
    return postal_address if request.stream == "broadcast" else None


def text_of(html: str, address: str | None) -> str | None:
    """A text part that says what the HTML says; None when there is nothing to be read in it."""
    text = turbohtml.parse(html).to_text(_TEXT)
    return f"{text.rstrip()}{text_footer(address)}" if text and html_footer(html, address) else text or None


def text_with_address(text: str, address: str | None) -> str:
    """`text` with the address, which it may have already."""
    return text if address is None or address in text else f"{text.rstrip()}{text_footer(address)}"


def text_footer(address: str | None) -> str:
    """The end of a text."""
    return f"\n\n-- \n{address}\n"


def html_footer(html: str, address: str | None) -> str:
    """The end of a page, unless the page says the address itself."""
    if address is None or address in html or escape(address) in html:
        return ""
    return f'<p style="{_STYLE}">{escape(address)}</p>'
