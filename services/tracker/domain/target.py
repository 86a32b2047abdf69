"""Where a click may lead: an open redirect is what others would make of us."""

import re
import string
from typing import Final
from urllib.parse import quote, urlsplit

_CONTROL_OR_BACKSLASH: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\\]")
_NEVER_IN_A_HOST: Final = re.compile(r'[@%<>"^`{|}\s]')
_AS_IT_STANDS: Final = string.ascii_letters + string.digits + string.punctuation


def redirect_target(url: str) -> str | None:
    """`url` as it may stand in `Location` (RFC 3986, the rest percent-encoded), or None: nobody is sent there.

    Refused: any scheme but http and https, in whatever case; no host (`//host`, `https:host`); user information;
    backslashes and control characters, which browsers read as something else; a port that is none.
    """
    if _CONTROL_OR_BACKSLASH.search(url):
        return None
    try:
        parts = urlsplit(url)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 0) >= 0
    except ValueError:
        return None
    if not whole or url[0].isspace() or _NEVER_IN_A_HOST.search(parts.netloc):
        return None
    return quote(url, safe=_AS_IT_STANDS)
