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

_BLANKS: Final = " \t\r\n\f"


@dataclass(frozen=True, kw_only=True)
class TrackerLinks:
    """The tracker's URLs of one email; the same in every attempt."""

    base: str
    keys: Keys
    token: EmailToken

    def opened(self) -> str:
        """The pixel's URL."""
        return f"{self.base}/o/{self.keys.sign('open', self.token)}"

    def clicked(self, url: str, *, position: int) -> str:
        """What leads to `url` by way of the tracker; `position` counts tracked links from 0."""
        return f"{self.base}/c/{self._click(url, position)}"

    @cached_property
    def _click(self) -> Callable[[str, int], str]:
        return self.keys.clicks(self.token)

    def unsubscribe(self, list_name: str | None) -> str:
        """The page, and the one-click target (RFC 8058), by which the recipient leaves the list."""
        return f"{self.base}/u/{self.keys.sign('unsubscribe', replace(self.token, list=list_name))}"


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
    return TrackerLinks(base=tracker_url.rstrip("/"), keys=keys, token=token)


def unsubscribe_url(email: OpenEmail, *, tracker_url: str, keys: Keys) -> str:
    """The value of the variable `unsubscribe_url` in templates."""
    return links_of(email, tracker_url=tracker_url, keys=keys).unsubscribe(email.request.list)


def track(html: str, links: TrackerLinks, *, clicks: bool, opens: bool) -> str:
    """`html` with tracked links (all but `<a data-no-track>` and our own) and the pixel at the end of its body."""
    page = _Page(links, pixel=f'<img src="{links.opened()}" width="1" height="1" alt="">' if opens else "")
    handlers = [("a[href]", page.link)] if clicks else []
    return rewrite(html, elements=[*handlers, ("body", page.body)]) + page.pixel


class _Page:
    """One page as it is rewritten; `pixel` is what has found no place yet."""

    def __init__(self, links: TrackerLinks, *, pixel: str) -> None:
        self._links = links
        self._position = 0
        self.pixel = pixel

    def link(self, element: Element) -> None:
        """Track a link that the tracker would follow; any other works untracked."""
        url = (element.get("href") or "").strip(_BLANKS)
        if element.has_attribute("data-no-track") or redirect_target(url) is None or self._ours(url):
            return
        element.set_attribute("href", self._links.clicked(url, position=self._position))
        self._position += 1

    def _ours(self, url: str) -> bool:
        return url.startswith((f"{self._links.base}/u/", f"{self._links.base}/c/"))

    def body(self, element: Element) -> None:
        """Put the pixel at the end of the first body."""
        if self.pixel:
            element.append(self.pixel, html=True)
            self.pixel = ""
