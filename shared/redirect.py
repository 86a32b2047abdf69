"""Where a tracked link may lead: the sender tracks nothing else, the tracker sends nobody elsewhere."""

import re
import string
from typing import Final
from urllib.parse import quote, urlsplit

MAX_TARGET: Final = 4096  # characters once encoded: the token with it has to fit into a URL
_NEVER: Final = re.compile(r"[\x00-\x20\x7f-\x9f\\]")
_NEVER_IN_A_HOST: Final = re.compile(r'[@%<>"^`{|}\s]')
_PLAIN: Final = re.compile(r"https?://[A-Za-z0-9][A-Za-z0-9.-]*(?:/[A-Za-z0-9/?=&%#._~+:,;@!$'()*-]*)?")  # most links
_AS_IT_STANDS: Final = string.ascii_letters + string.digits + string.punctuation


def redirect_target(url: str) -> str | None:
    """`url` as it may stand in `Location` (RFC 3986, the rest percent-encoded), or None: nobody is sent there.

    Refused: any scheme but http and https, in whatever case; no host (`//host`, `https:host`); user information;
    spaces, backslashes and control characters, which browsers read as something else; a port that is none; what is
    longer than `MAX_TARGET`.
    """
    if len(url) <= MAX_TARGET and _PLAIN.fullmatch(url):
        return url
    return None if _NEVER.search(url) else _examined(url)


def _examined(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 0) >= 0
    except ValueError:
        return None
    if not whole or _NEVER_IN_A_HOST.search(parts.netloc):
        return None
    target = quote(url, safe=_AS_IT_STANDS)
    return target if len(target) <= MAX_TARGET else None
