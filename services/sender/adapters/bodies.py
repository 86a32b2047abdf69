"""The bodies as they go out: the postal address that broadcast mail must carry, a text part, tracked links."""

from dataclasses import dataclass
from html import escape
from typing import Final

import turbohtml
from turbohtml.rewrite import Element, rewrite

from services.sender.adapters.links import TrackerLinks, track
from services.sender.adapters.templates import Rendered
from shared.commands import SendEmail

_TEXT: Final = turbohtml.PlainText(width=72, links="footnote")
_STYLE: Final = "font-size:12px;color:#666;text-align:center"


@dataclass(frozen=True)
class Bodies:
    """At least one of the two."""

    html: str | None
    text: str | None


def finish(request: SendEmail, content: Rendered, *, links: TrackerLinks, postal_address: str | None) -> Bodies:
    """The bodies of one email; the text part, when it is missing, is made of the HTML before its links are tracked."""
    html, text = content.html, content.text
    if request.stream == "broadcast" and postal_address:
        html = html if html is None else _with_address(html, postal_address)
        text = text if text is None or postal_address in text else f"{text.rstrip()}\n\n-- \n{postal_address}\n"
    if html is None:
        return Bodies(None, text)
    if text is None:
        text = turbohtml.parse(html).to_text(_TEXT) or None
    tracking = request.tracking
    return Bodies(track(html, links, clicks=tracking.clicks, opens=tracking.opens), text)


def _with_address(html: str, address: str) -> str:
    if address in html or escape(address) in html:
        return html
    footer = [f'<p style="{_STYLE}">{escape(address)}</p>']

    def append(body: Element) -> None:
        if footer:
            body.append(footer.pop(), html=True)

    return rewrite(html, elements=[("body", append)]) + "".join(footer)
