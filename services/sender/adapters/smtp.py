"""Opens SMTP sessions: connect, EHLO, STARTTLS, AUTH (RFC 5321, 3207, 4954)."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

import aiosmtplib
from msgspec.structs import replace

from services.sender.adapters.dialogue import Connection, give_all_at_once
from services.sender.domain.mail import Outcome
from services.sender.domain.route import ConnectFailed, Route, Timeouts
from services.sender.replies import clean, enhanced_status
from shared.commands import SmtpResult
from shared.events.envelope import SmtpPhase

__all__ = ["ConnectFailed", "Connection", "Connector", "Outcome", "Route", "Timeouts"]


class Connector:
    """Opens connections; each reply is waited for as long as `timeouts` say."""

    def __init__(self, timeouts: Timeouts) -> None:
        self._timeouts = timeouts

    async def connect(self, route: Route) -> Connection:
        """A session ready for mail; raises `ConnectFailed`."""
        try:
            return await self._open(route, encrypt=route.tls != "none")
        except ConnectFailed as failed:
            if route.tls != "opportunistic" or failed.result.smtp_phase != "starttls":
                raise
        return await self._open(route, encrypt=False)

    async def _open(self, route: Route, *, encrypt: bool) -> Connection:
        with _phase("connect", SmtpResult(mx_host=route.host)):
            smtp = aiosmtplib.SMTP(
                hostname=route.host,
                port=route.port,
                local_hostname=route.helo,
                timeout=self._timeouts.reply,
                start_tls=False,
                use_tls=route.tls == "implicit",
                tls_context=_context(verify=route.verifies),
            )
        try:
            facts = await self._greet(smtp, route, encrypt=encrypt)
        except BaseException:
            smtp.close()
            raise
        return Connection(smtp, route, facts=facts, timeouts=self._timeouts)

    async def _greet(self, smtp: aiosmtplib.SMTP, route: Route, *, encrypt: bool) -> SmtpResult:
        known = SmtpResult(mx_host=route.host)
        with _phase("connect", known):
            await smtp.connect()
        known = _addresses(smtp, known)
        give_all_at_once(smtp)
        await _hello(smtp, known)
        if encrypt and not smtp.use_tls:
            await _start_tls(smtp, route, known=known)
        known = _tls_facts(smtp, known, verified=route.verifies)
        if route.username is not None:
            with _phase("auth", known):
                await _log_in(smtp, route, encrypted=known.tls_version is not None)
        return known


async def _hello(smtp: aiosmtplib.SMTP, known: SmtpResult) -> None:
    with _phase("ehlo", known):
        try:
            await smtp.ehlo()
        except aiosmtplib.SMTPHeloError as refused:
            if refused.code == 421:
                raise
            await smtp.helo()


async def _start_tls(smtp: aiosmtplib.SMTP, route: Route, *, known: SmtpResult) -> None:
    if not smtp.supports_extension("starttls"):
        if route.tls == "required":
            raise ConnectFailed(replace(known, smtp_phase="starttls"), "TLS is required, and STARTTLS is not offered")
        return
    with _phase("starttls", known):
        await smtp.starttls()
    give_all_at_once(smtp)
    await _hello(smtp, known)


async def _log_in(smtp: aiosmtplib.SMTP, route: Route, *, encrypted: bool) -> None:
    if not encrypted and route.tls != "none":
        raise aiosmtplib.SMTPException("credentials are not sent over an unencrypted connection")
    await smtp.login(route.username or "", route.password or "")


@contextmanager
def _phase(phase: SmtpPhase, known: SmtpResult) -> Iterator[None]:
    """What goes wrong within is a failure to connect in that phase."""
    try:
        yield
    except aiosmtplib.SMTPResponseException as refused:
        reply = replace(
            known,
            smtp_phase=phase,
            smtp_reply_code=refused.code if refused.code > 0 else None,
            smtp_reply_text=clean(refused.message),
            enhanced_status_code=enhanced_status(refused.code, refused.message),
        )
        raise ConnectFailed(reply, f"refused at {phase}") from None
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:  # ValueError: a name that cannot be one
        raise ConnectFailed(replace(known, smtp_phase=phase), str(error) or type(error).__name__) from None


@lru_cache
def _context(*, verify: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _addresses(smtp: aiosmtplib.SMTP, known: SmtpResult) -> SmtpResult:
    with _phase("connect", known):  # the connection may be gone already
        peer, own = smtp.get_transport_info("peername"), smtp.get_transport_info("sockname")
    return replace(known, mx_ip=peer[0] if peer else None, source_ip=own[0] if own else None)


def _tls_facts(smtp: aiosmtplib.SMTP, known: SmtpResult, *, verified: bool) -> SmtpResult:
    with _phase("ehlo", known):
        channel = smtp.get_transport_info("ssl_object")
    if channel is None:
        return known
    cipher = channel.cipher()
    return replace(
        known, tls_version=channel.version(), tls_cipher=cipher[0] if cipher else None, tls_verified=verified
    )
