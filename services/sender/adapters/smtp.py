"""Opens SMTP sessions: connect, EHLO, STARTTLS, AUTH (RFC 5321, 3207, 4954)."""

import asyncio
import re
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Final

from msgspec.structs import replace

from services.sender.adapters.certificates import chain
from services.sender.adapters.dialogue import Connection
from services.sender.adapters.greeting import Refused, expect, hello, log_in
from services.sender.adapters.session import Over, Session
from services.sender.domain.mail import Outcome
from services.sender.domain.route import ConnectFailed, Route, Timeouts
from services.sender.replies import clean, enhanced_status
from shared.commands import SmtpResult
from shared.events.envelope import SmtpPhase

__all__ = ["ConnectFailed", "Connection", "Connector", "Outcome", "Route", "Timeouts"]

VerifyPeer = Callable[[Route, tuple[bytes, ...]], bool]
_NAME: Final = re.compile(r"[!-~]+")


class Connector:
    """Opens connections; each reply is waited for as long as `timeouts` say.

    `verify_peer` is asked about the certificates (DER, the server's own first) of each encrypted connection, beyond
    what the route's `verify` demands: it says whether they are proven good, and raises ValueError when they must not
    be accepted.
    """

    def __init__(self, timeouts: Timeouts, *, verify_peer: VerifyPeer = lambda route, certificates: False) -> None:
        self._timeouts = timeouts
        self._verify_peer = verify_peer

    async def connect(self, route: Route) -> Connection:
        """A session ready for mail; raises `ConnectFailed`."""
        try:
            return await self._open(route, encrypt=route.tls != "none")
        except ConnectFailed as failed:
            if route.tls != "opportunistic" or failed.result.smtp_phase != "starttls":
                raise
        return await self._open(route, encrypt=False)

    async def _open(self, route: Route, *, encrypt: bool) -> Connection:
        opening = _Opening(route, self._timeouts, verify_peer=self._verify_peer)
        try:
            await opening.connect()
            await opening.hello()
            if encrypt and route.tls != "implicit":
                await opening.start_tls()
            if route.username is not None:
                await opening.log_in(route.username, route.password or "")
        except BaseException:
            opening.session.cut()
            raise
        return Connection(opening.session, route, facts=opening.known, offered=opening.offered, timeouts=self._timeouts)


class _Opening:
    """A session on its way to its first mail, and what is known by then."""

    def __init__(self, route: Route, timeouts: Timeouts, *, verify_peer: VerifyPeer) -> None:
        self.session = Session(asyncio.get_running_loop())
        self.known = SmtpResult(mx_host=route.host)
        self.offered: dict[str, str] = {}
        self._route = route
        self._timeouts = timeouts
        self._verify_peer = verify_peer

    async def connect(self) -> None:
        with self._phase("connect"):
            if not _NAME.fullmatch(self._route.helo):
                raise ValueError(f"not a name to say EHLO with: {self._route.helo!r}")
            await self._reach()
            self._learn_addresses()
            if self._route.tls == "implicit":
                await self._encrypt()
            expect(await self.session.reply(within=self._timeouts.reply), 220)

    async def hello(self) -> None:
        with self._phase("ehlo"):
            self.offered = await hello(self.session, self._route.helo, within=self._timeouts.reply)

    async def start_tls(self) -> None:
        with self._phase("starttls"):
            if "starttls" not in self.offered:
                if self._route.tls == "required":
                    raise ValueError("TLS is required, and STARTTLS is not offered")
                return
            expect(await self.session.ask(b"STARTTLS", within=self._timeouts.reply), 220)
            await self._encrypt()
        await self.hello()

    async def log_in(self, username: str, password: str) -> None:
        with self._phase("auth"):
            if self.known.tls_version is None and self._route.tls != "none":
                raise ValueError("credentials are not sent over an unencrypted connection")
            offered = self.offered.get("auth", "")
            await log_in(self.session, username, password, offered=offered, within=self._timeouts.reply)

    async def _reach(self) -> None:
        route = self._route
        async with asyncio.timeout(self._timeouts.connect):
            await asyncio.get_running_loop().create_connection(
                lambda: self.session,
                route.address or route.host,
                route.port,
                local_addr=(route.source, 0) if route.source else None,
            )

    def _learn_addresses(self) -> None:
        peer, own = self.session.info("peername"), self.session.info("sockname")
        self.known = replace(self.known, mx_ip=peer[0] if peer else None, source_ip=own[0] if own else None)

    async def _encrypt(self) -> None:
        context = _context(verify=self._route.verifies)
        await self.session.start_tls(context, name=self._route.host, within=self._timeouts.reply)
        channel = self.session.info("ssl_object")
        proven = self._verify_peer(self._route, chain(channel))
        cipher = channel.cipher()
        self.known = replace(
            self.known,
            tls_version=channel.version(),
            tls_cipher=cipher[0] if cipher else None,
            tls_verified=proven or self._route.verifies,
        )

    @contextmanager
    def _phase(self, phase: SmtpPhase) -> Iterator[None]:
        """What goes wrong within is a failure to connect in that phase."""
        try:
            yield
        except Refused as refused:
            code, text = refused.reply.code, refused.reply.text
            said = replace(
                self.known,
                smtp_phase=phase,
                smtp_reply_code=code,
                smtp_reply_text=clean(text),
                enhanced_status_code=enhanced_status(code, text),
            )
            raise ConnectFailed(said, f"refused at {phase}") from None
        except TimeoutError:
            raise ConnectFailed(replace(self.known, smtp_phase=phase), "no connection in time") from None
        except (Over, OSError, ValueError) as error:  # ValueError: a name that cannot be one
            why = str(error) or type(error).__name__
            raise ConnectFailed(replace(self.known, smtp_phase=phase), why) from error


@lru_cache
def _context(*, verify: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
