"""MAIL and RCPT with the parameters of the extensions that the other side offers (RFC 1870, 3461, 6152, 6531). Pure."""

import re
from collections.abc import Mapping
from typing import Final, Protocol

from services.sender.wire import UnsafeOnTheWire, require_address


class Enveloped(Protocol):
    """A mail with its envelope. `smtputf8`: an address or header is not ASCII. `eight_bit`: the message is not."""

    @property
    def message(self) -> bytes:
        """The message, lines ending in CRLF."""

    @property
    def envelope_sender(self) -> str:
        """Who is told when it fails."""

    @property
    def envelope_id(self) -> str:
        """What a DSN names it by; printable ASCII."""

    @property
    def recipient(self) -> str:
        """Who it is for."""

    @property
    def smtputf8(self) -> bool:
        """Whether it needs SMTPUTF8."""

    @property
    def eight_bit(self) -> bool:
        """Whether it needs 8BITMIME."""


def mail_from(mail: Enveloped, *, offered: Mapping[str, str]) -> bytes:
    """MAIL, a line; raises `UnsafeOnTheWire` when the mail cannot go this way."""
    if mail.smtputf8 and "smtputf8" not in offered:
        raise UnsafeOnTheWire("5.6.7: an address needs SMTPUTF8, which the server does not offer")
    words = [f"MAIL FROM:<{require_address(mail.envelope_sender)}>".encode()]
    if "size" in offered:
        words.append(b"SIZE=%d" % len(mail.message))
    if mail.eight_bit and "8bitmime" in offered:
        words.append(b"BODY=8BITMIME")
    if mail.smtputf8:
        words.append(b"SMTPUTF8")
    if "dsn" in offered:
        words += [b"RET=HDRS", b"ENVID=" + xtext(mail.envelope_id)]
    return b" ".join(words) + b"\r\n"


def rcpt_to(mail: Enveloped, *, offered: Mapping[str, str]) -> bytes:
    """RCPT, a line; raises `UnsafeOnTheWire` for an address that cannot be written."""
    words = [f"RCPT TO:<{require_address(mail.recipient)}>".encode()]
    if "dsn" in offered:
        words.append(b"NOTIFY=FAILURE,DELAY")
        if mail.recipient.isascii():
            words.append(b"ORCPT=rfc822;" + xtext(mail.recipient))
    return b" ".join(words) + b"\r\n"


def xtext(text: str) -> bytes:
    """Printable ASCII as a parameter's value (RFC 3461 section 4)."""
    return _ESCAPED.sub(lambda found: b"+%02X" % ord(found[0]), text.encode())


_ESCAPED: Final = re.compile(rb"[^!-*,-<>-~]")
