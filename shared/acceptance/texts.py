"""Text that goes into headers, keys and columns: clean, short, and where it names something a plain name."""

import re
from typing import Final

from shared.acceptance.refusal import Refused

# C0, DEL and C1 controls, and what Python and mail programs also take for the end of a line; lone surrogates.
_UNCLEAN: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def valid_name(text: str) -> bool:
    """Whether `text` can name a tenant, list or template: 1 to 64 of `A-Z a-z 0-9 . _ -`."""
    return _NAME.fullmatch(text) is not None


def require_name(text: str | None, *, field: str) -> None:
    """Refuse what is no plain name."""
    if text is not None and not valid_name(text):
        raise Refused(
            "invalid_characters", field, "must be 1 to 64 of A-Z a-z 0-9 . _ - and begin with one of the first"
        )


def require_clean(text: str | None, *, field: str, longest: int | None = None) -> None:
    """Refuse control characters, line ends and what is too long."""
    if text is None:
        return
    if longest is not None and len(text) > longest:
        raise Refused("too_long", field, f"has {len(text)} characters, at most {longest} are allowed")
    if _UNCLEAN.search(text):
        raise Refused("invalid_characters", field, "contains a line end or a control character")


def require_few(count: int, *, field: str, most: int) -> None:
    """Refuse too many items."""
    if count > most:
        raise Refused("too_many_items", field, f"has {count} items, at most {most} are allowed")
