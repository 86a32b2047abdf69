"""Tracked links, the pixel and the unsubscribe URL of one email. What is not rewritten stays byte for byte."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from msgspec.structs import replace
from turbohtml.rewrite import Element, rewrite

from shared.records import OpenEmail
from shared.redirect import redirect_target
from shared.tokens import EmailToken, Keys

BLANKS: Final = " \t\r\n\f"


@dataclass(frozen=True, kw_only=True)
class TrackerLinks:
    """The tracker's URLs of one email; the same in every attempt. The recipient leaves the list `left`."""

    base: str
    keys: Keys
    token: EmailToken
    left: str | None

    def pixel(self) -> str:
        """The image whose URL tells that the mail was opened."""
        return f'<img src="{self.base}/o/{self.keys.sign("open", self.token)}" width="1" height="1" alt="">'

    def clicked(self, url: str, position: int) -> str | None:
        """What leads to `url` by way of the tracker; `position` counts tracked links from 0.

        None for what the tracker would not follow, and for our own URLs: such a link works untracked.
        """
        if redirect_target(url) is None or url.startswith(self._own):
            return None
        return f"{self.base}/c/{self._click(url, position)}"

    @cached_property
    def _own(self) -> tuple[str, str]:
        return f"{self.base}/u/", f"{self.base}/c/"

    @cached_property
    def _click(self) -> Callable[[str, int], str]:
        return self.keys.clicks(self.token)

    @cached_property
    def unsubscribe(self) -> str:
        """The page, and the one-click target (RFC 8058), by which the recipient leaves the list.

        In templates it is the variable `unsubscribe_url`.
        """
        return f"{self.base}/u/{self.keys.sign('unsubscribe', replace(self.token, list=self.left))}"


def links_of(email: OpenEmail, *, tracker_url: str, keys: Keys) -> TrackerLinks:
    """The tracker's URLs of `email`."""
    request = email.request
    token = EmailToken(
        email_id=request.email_id.bytes,
        tenant=request.tenant,
        stream=request.stream,
        recipient_ref=email.recipient_ref,
        recipient_domain=email.recipient_domain,
        batch_id=request.batch_id.bytes if request.batch_id else None,
    )
    return TrackerLinks(base=tracker_url.rstrip("/"), keys=keys, token=token, left=request.list)


def track(html: str, links: TrackerLinks, *, clicks: bool, opens: bool, footer: str = "") -> str:
    """`html` with tracked links, with `footer` and the pixel at the end of its body."""
    position = 0

    def tracked(url: str) -> str | None:
        nonlocal position
        found = links.clicked(url, position)
        position += found is not None
        return found

    return rewritten(html, link=tracked if clicks else None, end=footer + (links.pixel() if opens else ""))


def rewritten(html: str, *, link: Callable[[str], str | None] | None, end: str) -> str:
    """`html` with `end` at the end of its first body, and each `<a href>` as `link` says.

    A link for which it says nothing stays, as does `<a data-no-track>`.
    """
    page = _Page(link or (lambda _: None), end=end)
    handlers = [] if link is None else [("a[href]", page.link)]
    if end:
        handlers.append(("body", page.body))
    return (rewrite(html, elements=handlers) if handlers else html) + page.end


class _Page:
    """One page as it is rewritten; `end` is what has found no place yet."""

    def __init__(self, link: Callable[[str], str | None], *, end: str) -> None:
        self._link = link
        self.end = end

    def link(self, element: Element) -> None:
        """Rewrite one link."""
        if not element.has_attribute("data-no-track"):
            url = self._link((element.get("href") or "").strip(BLANKS))
            if url is not None:
                element.set_attribute("href", url)

    def body(self, element: Element) -> None:
        """Put the end at the end of the first body."""
        if self.end:
            element.append(self.end, html=True)
            self.end = ""
