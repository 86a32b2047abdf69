"""Domain names and the patterns that cover them. Pure."""

import re
from typing import Final

_LABEL: Final = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?"
_PATTERN: Final = re.compile(rf"(\*\.)?{_LABEL}(\.{_LABEL})*")


def covers(pattern: str, name: str) -> bool:
    """Whether a name is `example.com`, or for `*.example.com` exactly one label below it (RFC 6125, 8461)."""
    wanted = pattern.lower()
    if not wanted.startswith("*."):
        return name == wanted
    head, _, rest = name.partition(".")
    return bool(head) and rest == wanted[2:]


def is_host_pattern(text: str) -> bool:
    """Whether it could cover a host."""
    return len(text) <= 255 and _PATTERN.fullmatch(text) is not None
