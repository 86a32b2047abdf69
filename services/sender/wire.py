"""What may stand on the wire (RFC 5321): line ends, dot-stuffing, addresses. Pure."""

import re
from typing import Final

MAX_LINE: Final = 998  # octets, without CRLF
MAX_LOCAL: Final = 64
MAX_DOMAIN: Final = 255
MAX_PATH: Final = 254  # 256 with the angle brackets

# one @; no control character, white space or angle bracket, in ASCII or beyond; no quoted local part
_ADDRESS: Final = re.compile('[^\x00-\x20\x7f-\xa0\u2028\u2029\ud800-\udfff\\s<>"@]+@[A-Za-z0-9._-]+')


class UnsafeOnTheWire(ValueError):
    """Something that a receiver could read as more than one message or command."""


def stuffed(message: bytes) -> bytes:
    """`message` ready for DATA: dots at the beginning of lines doubled, ending in CRLF, without the final dot.

    Raises `UnsafeOnTheWire` for a bare CR or LF, a NUL, or a line longer than 998 octets: nothing is mended here, since
    that would break its signature.
    """
    if not message.endswith(b"\r\n"):
        raise UnsafeOnTheWire("the message does not end with CRLF")
    # `splitlines` of bytes knows CR, LF and CRLF; this way is the fastest of all that were measured
    if b"\r\n".join((*message.splitlines(), b"")) != message:
        raise UnsafeOnTheWire("the message has a bare CR or LF")
    if b"\0" in message:
        raise UnsafeOnTheWire("the message has a NUL")
    if _has_long_line(message):
        raise UnsafeOnTheWire("the message has a line longer than 998 octets")
    text = message.replace(b"\r\n.", b"\r\n..")
    return b"." + text if text.startswith(b".") else text


def _has_long_line(message: bytes) -> bool:
    """Looks for the last line end within each 1,000 octets: far fewer steps than there are lines."""
    start, window = 0, MAX_LINE + 2
    while len(message) - start > window:
        start = message.rfind(b"\n", start, start + window) + 1
        if start == 0:
            return True
    return False


def require_address(address: str) -> str:
    """`address`, if it can be written between angle brackets and be read only one way; raises `UnsafeOnTheWire`."""
    local, _, domain = address.rpartition("@")
    if not _ADDRESS.fullmatch(address):
        raise UnsafeOnTheWire("an address has characters that cannot be sent")
    if len(local.encode()) > MAX_LOCAL or len(domain) > MAX_DOMAIN or len(address.encode()) > MAX_PATH:
        raise UnsafeOnTheWire("an address is too long")
    return address
