"""What could not be decoded, in the words of the catalogue."""

import re
from typing import Final

import msgspec

from shared.acceptance.refusal import Refusal

_PATH: Final = re.compile(r"(?s)(.*?)(?: - at `(.*)`)?")
_NAMED: Final = re.compile(r"(?s)(.*) field `(.*)`")
_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")


def from_decode_error(error: Exception) -> Refusal:
    """The refusal for what msgspec raised (or `UnicodeDecodeError`, `RecursionError`); the caller's values stay out."""
    match error:
        case RecursionError():
            return Refusal("nesting_too_deep", None, "the document is nested too deeply")
        case UnicodeDecodeError():
            return Refusal("malformed_json", None, "the document is not UTF-8")
        case msgspec.ValidationError():
            return _from_validation(str(error))
    return Refusal("malformed_json", None, str(error))


def _from_validation(text: str) -> Refusal:
    matched = _PATH.fullmatch(text)
    message, path = matched.groups() if matched else (text, None)
    within = (path or "").removeprefix("$").removeprefix(".").replace("[...]", "")
    named = _NAMED.fullmatch(message)
    if named is not None:
        return _about_field(named[1], _join(within, named[2] if _PLAIN.fullmatch(named[2]) else None))
    if message.startswith(("Invalid enum value", "Invalid value")):
        message = "is none of the values allowed"
    return Refusal("wrong_type", within or None, message)


def _about_field(verb: str, field: str | None) -> Refusal:
    if verb.endswith("unknown"):
        return Refusal("unknown_field", field, "this field is not known here")
    return Refusal("missing_field", field, "this field is required")


def _join(within: str, name: str | None) -> str | None:
    return ".".join(part for part in (within, name) if part) or None
