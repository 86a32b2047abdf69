"""A reader: finds pixel and links in the MIME that arrived, loads the one and follows the other."""

import asyncio
from dataclasses import dataclass
from email import policy
from email.parser import BytesParser
from html.parser import HTMLParser
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

import httpx2

TRIES: Final = 20
PAUSE: Final = 0.5  # seconds between tries, while the tracker is not there yet


@dataclass
class Found:
    """What a mail asks a reader's program to load, and what a reader may click."""

    images: list[str]
    links: list[str]


class _Finder(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found = Found([], [])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect."""
        values = dict(attrs)
        if tag == "img" and (source := values.get("src")):
            self.found.images.append(source)
        if tag == "a" and (target := values.get("href")):
            self.found.links.append(target)


def look(source: bytes) -> Found:
    """The remote images and the links of a mail's HTML part."""
    mail = BytesParser(policy=policy.default).parsebytes(source)
    page = mail.get_body(preferencelist=("html",))
    finder = _Finder()
    if page is not None:
        finder.feed(page.get_content())
    return finder.found


class Reader:
    """Reads mails: loads what is on this machine or on `hosts`, and nothing else."""

    def __init__(self, hosts: frozenset[str] = frozenset()) -> None:
        self._hosts = hosts
        self._client = httpx2.AsyncClient(timeout=10, follow_redirects=False)

    async def read(self, source: bytes) -> None:
        """Load every image, then follow the first link that goes by way of the tracker."""
        found = look(source)
        for image in found.images:
            await self._load(image)
        tracked = next((link for link in found.links if urlsplit(link).path.startswith("/c/")), None)
        if tracked is not None:
            await self._load(tracked)

    async def close(self) -> None:
        """Close the client."""
        await self._client.aclose()

    async def _load(self, url: str) -> None:
        if not self._allowed(url):
            return
        for _ in range(TRIES):
            try:
                answer = await self._client.get(url, headers={"User-Agent": "PostlogInboxReader/1.0"})
            except httpx2.TransportError:
                await asyncio.sleep(PAUSE)
                continue
            if answer.status_code < 500:
                return
            await asyncio.sleep(PAUSE)

    def _allowed(self, url: str) -> bool:
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme not in ("http", "https"):
            return False
        try:
            return host in self._hosts or ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"
