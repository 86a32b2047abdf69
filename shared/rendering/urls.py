"""Makes URLs in rendered HTML harmless: no scheme that runs code may come in by a variable."""

import re
from typing import Final

from turbohtml.rewrite import Element, rewrite

ATTRIBUTES: Final = ("href", "src", "action", "formaction", "background", "poster", "cite", "ping", "longdesc")
_SELECTOR: Final = ",".join(f"[{name}]" for name in ATTRIBUTES)
_IGNORED: Final = re.compile("[\x00-\x20]+")  # what URL parsers skip before a scheme and within it
_RUNS: Final = re.compile(r"(javascript|vbscript|livescript|data|file):", re.IGNORECASE)
_IMAGE: Final = re.compile(r"data:image/(png|gif|jpeg|webp)[;,]", re.IGNORECASE)


def harmless(html: str) -> str:
    """`html` with such URLs replaced by `#`; all else stays as it was, byte for byte."""
    return rewrite(html, elements=[(_SELECTOR, _disarm)])


def _disarm(element: Element) -> None:
    for name in ATTRIBUTES:
        url = _IGNORED.sub("", element.get(name) or "")
        if _RUNS.match(url) and not (name in ("src", "background") and _IMAGE.match(url)):
            element.set_attribute(name, "#")
