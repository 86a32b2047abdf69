"""What is said before the first mail: EHLO or HELO, AUTH (RFC 5321 section 4.1.1.1, RFC 4954)."""

import base64
import hmac
from typing import Final

from services.sender.adapters.session import Session
from services.sender.reply_reader import Reply

SERVICE_CLOSING: Final = 421
GO_ON: Final = 334
OTHER_MECHANISM: Final = (504, 534)  # not known, or too weak: another one may do


class Refused(Exception):
    """The server said something else than what was hoped for."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.code)
        self.reply = reply


def expect(reply: Reply, code: int) -> Reply:
    """`reply`, if it has that code; raises `Refused`."""
    if reply.code != code:
        raise Refused(reply)
    return reply


async def hello(session: Session, helo: str, *, within: float) -> dict[str, str]:
    """EHLO, or HELO where that is not known: the extensions offered, in lower case, with their parameters."""
    reply = await session.ask(b"EHLO " + helo.encode(), within=within)
    if reply.code == SERVICE_CLOSING:
        raise Refused(reply)
    if reply.code != 250:
        expect(await session.ask(b"HELO " + helo.encode(), within=within), 250)
        return {}
    return dict(map(_extension, reply.text.split("\n")[1:]))


def _extension(line: str) -> tuple[str, str]:
    keyword, _, parameters = line.replace("=", " ", 1 if line[:5].upper() == "AUTH=" else 0).partition(" ")
    return keyword.lower(), parameters.strip()


async def log_in(session: Session, username: str, password: str, *, offered: str, within: float) -> None:
    """AUTH by the first mechanism in common; raises `Refused`, or ValueError when there is none."""
    common = [mechanism for mechanism in _MECHANISMS if mechanism in offered.upper().split()]
    if not common:
        raise ValueError(f"no way to log in that both sides know; the server offers: {offered or 'none'}")
    for mechanism in common:
        reply = await _MECHANISMS[mechanism](session, username.encode(), password.encode(), within)
        if reply.code not in OTHER_MECHANISM:
            break
    expect(reply, 235)


async def _cram_md5(session: Session, username: bytes, password: bytes, within: float) -> Reply:
    reply = await session.ask(b"AUTH CRAM-MD5", within=within)
    if reply.code != GO_ON:
        return reply
    digest = hmac.new(password, base64.b64decode(reply.lines[0]), "md5").hexdigest()
    return await session.ask(base64.b64encode(username + b" " + digest.encode()), within=within)


async def _plain(session: Session, username: bytes, password: bytes, within: float) -> Reply:
    return await session.ask(b"AUTH PLAIN " + base64.b64encode(b"\0" + username + b"\0" + password), within=within)


async def _login(session: Session, username: bytes, password: bytes, within: float) -> Reply:
    reply = await session.ask(b"AUTH LOGIN " + base64.b64encode(username), within=within)
    return await session.ask(base64.b64encode(password), within=within) if reply.code == GO_ON else reply


_MECHANISMS: Final = {"CRAM-MD5": _cram_md5, "PLAIN": _plain, "LOGIN": _login}
