"""Answers that people see, and the headers that every answer has."""

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import Final

Headers = list[tuple[bytes, bytes]]

STYLE: Final = (
    ":root{color-scheme:light dark}"
    "body{font:1.125rem/1.5 system-ui,sans-serif;margin:0;padding:2rem 1rem}"
    "main{max-width:34rem;margin:0 auto}h1{font-size:1.5rem;line-height:1.25}"
    "button{font:inherit;font-weight:600;padding:.75rem 1.5rem;border:2px solid #0b57d0;border-radius:.5rem;"
    "background:#0b57d0;color:#fff;cursor:pointer}"
    "button:hover{background:#08429e}button:focus-visible{outline:3px solid currentColor;outline-offset:3px}"
)
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
NEVER_KEPT: Final[Headers] = [
    (b"cache-control", b"no-store, no-cache, must-revalidate, private, max-age=0"),
    (b"pragma", b"no-cache"),
    (b"expires", b"0"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-robots-tag", b"noindex, nofollow"),
]


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: int
    headers: Headers
    body: bytes = b""


def answer(status: int, body: bytes, *, kind: bytes, more: Headers | None = None) -> Answer:
    """An answer that no cache keeps and no crawler indexes."""
    own = [(b"content-type", kind), (b"content-length", str(len(body)).encode()), *(more or [])]
    return Answer(status, own + NEVER_KEPT, body)


def page(status: int, title: str, *paragraphs: str, form: str = "", more: Headers | None = None) -> Answer:
    """A small page: works without scripts, cookies, images and anything from elsewhere. All text is escaped."""
    text = "".join(f"<p>{escape(paragraph)}</p>" for paragraph in paragraphs)
    html = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1>{text}{form}</main></body></html>"
    )
    own = [(b"content-security-policy", _POLICY.encode()), *(more or [])]
    return answer(status, html.encode(), kind=b"text/html; charset=utf-8", more=own)


NOT_FOUND: Final = page(
    404, "This link does not work", "It may be damaged. Open the mail again and follow the link from there."
)
TOO_LONG: Final = page(414, "This link is too long", "Open the mail again and follow the link from there.")
TOO_LARGE: Final = page(413, "That was too much", "A request to this address has a small body.")
TOO_SLOW: Final = page(408, "That took too long", "Please try again.", more=[(b"connection", b"close")])
BAD_REQUEST: Final = page(400, "That was no whole request", "Please try again.")
TRY_AGAIN: Final = page(
    503, "Please try again in a minute", "This could not be stored just now.", more=[(b"retry-after", b"60")]
)


def not_allowed(methods: Iterable[str]) -> Answer:
    """405, with the methods that there are."""
    allowed = ", ".join(sorted(methods))
    return page(405, "Not here", f"This address knows {allowed} only.", more=[(b"allow", allowed.encode())])
