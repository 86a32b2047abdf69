"""One SMTP session and the mail transactions in it (RFC 5321). The final dot is a write of its own."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final, cast

import aiosmtplib
from aiosmtplib.protocol import SMTPProtocol
from msgspec.structs import replace

from services.sender.domain.mail import Composed, Outcome, OutcomeKind
from services.sender.domain.route import Route, Timeouts
from services.sender.envelope import mail_from, rcpt_to
from services.sender.replies import clean, enhanced_status
from services.sender.wire import UnsafeOnTheWire, stuffed
from shared.commands import SmtpResult
from shared.events.envelope import SmtpPhase

FINAL_DOT: Final = b".\r\n"
BLOCK: Final = 256 * 1024  # octets written before the other side must have taken them
SERVICE_CLOSING: Final = 421


class _Ended(Exception):
    """The transaction ends here; `reply` when the other side said so."""

    def __init__(
        self,
        kind: OutcomeKind,
        phase: SmtpPhase | None,
        *,
        reply: aiosmtplib.SMTPResponse | None = None,
        detail: str | None = None,
        lost: bool = False,
    ) -> None:
        super().__init__(kind)
        self.kind = kind
        self.phase = phase
        self.reply = reply
        self.detail = detail
        self.lost = lost


class Connection:
    """An established session. Not for use by two tasks at once."""

    def __init__(self, smtp: aiosmtplib.SMTP, route: Route, *, facts: SmtpResult, timeouts: Timeouts) -> None:
        self.route = route
        self.mails = 0
        self._smtp = smtp
        self._facts = facts
        self._timeouts = timeouts
        self._offered = dict(smtp.esmtp_extensions)  # a lost connection forgets them

    @property
    def usable(self) -> bool:
        """Whether, as far as is known, another mail can be sent."""
        return self._smtp.is_connected

    async def deliver(self, mail: Composed, *, may_finish: Callable[[], bool]) -> Outcome:
        """Send one mail. `may_finish` is asked right before the final dot; if it says no, the connection is cut."""
        started = time.monotonic()
        self.mails += 1
        try:
            reply = await self._transaction(mail, may_finish)
            ended = _Ended("delivered", "end_of_data", reply=reply)
        except _Ended as stopped:
            ended = stopped
        except BaseException:
            self._cut()
            raise
        if ended.lost:
            self._cut()
        elif ended.phase not in (None, "end_of_data"):
            await self._reset()
        return Outcome(
            kind=ended.kind,
            result=self._result(ended, mail.recipient),
            connection_lost=not self.usable,
            session_ms=int((time.monotonic() - started) * 1000),
            detail=ended.detail,
        )

    async def close(self) -> None:
        """Say QUIT, without waiting long for the answer, and close."""
        if self.usable:
            await self._courtesy(b"QUIT")
        self._smtp.close()

    async def _transaction(self, mail: Composed, may_finish: Callable[[], bool]) -> aiosmtplib.SMTPResponse:
        try:
            content = stuffed(mail.message)
            sender, recipient = mail_from(mail, offered=self._offered), rcpt_to(mail, offered=self._offered)
        except UnsafeOnTheWire as unsafe:
            raise _Ended("failed_local", None, detail=str(unsafe)) from None
        await self._command("mail_from", *sender)
        await self._command("rcpt_to", *recipient)
        await self._command("data", b"DATA", wanted=3)
        return await self._content(content, may_finish)

    async def _command(self, phase: SmtpPhase, *words: bytes, wanted: int = 2) -> None:
        timeout = self._timeouts.data if phase == "data" else self._timeouts.reply
        try:
            reply = await self._smtp.execute_command(*words, timeout=timeout)
        except (aiosmtplib.SMTPException, OSError) as error:
            raise _lost("deferred", phase, error=error) from None
        if reply.code // 100 != wanted:
            raise _refused(phase, reply)

    async def _content(self, content: bytes, may_finish: Callable[[], bool]) -> aiosmtplib.SMTPResponse:
        protocol = self._smtp.protocol
        if protocol is None:
            raise _Ended("deferred", "data", detail="the connection was lost", lost=True)
        reply = asyncio.ensure_future(protocol.read_response())
        try:
            await self._write(protocol, content, reply=reply)
            if not may_finish():
                raise _Ended("cut", "data", detail="the lease was over before the final dot", lost=True)
            _send(protocol, FINAL_DOT)
            return await self._final_reply(reply)
        finally:
            _forget(reply)

    async def _write(
        self, protocol: SMTPProtocol, content: bytes, *, reply: "asyncio.Future[aiosmtplib.SMTPResponse]"
    ) -> None:
        """Write all but the final dot, until it has left our hands; a reply that comes before the dot ends it."""
        transport = cast("asyncio.Transport", protocol.transport)
        for start in range(0, len(content), BLOCK):
            _send(protocol, content[start : start + BLOCK])
            await asyncio.sleep(0)  # what has gone wrong by now is heard of
            if transport.get_write_buffer_size():
                await self._taken(protocol, reply)
            if reply.done():
                raise _early(reply)

    async def _taken(self, protocol: SMTPProtocol, reply: "asyncio.Future[aiosmtplib.SMTPResponse]") -> None:
        """Wait until the other side has taken what was written, or has said something."""
        taken = asyncio.ensure_future(protocol._drain_helper())  # what asyncio's StreamWriter.drain() waits for
        waits: set[asyncio.Future[Any]] = {taken, reply}
        await asyncio.wait(waits, timeout=self._timeouts.block, return_when=asyncio.FIRST_COMPLETED)
        if not taken.done():
            taken.cancel()
            if not reply.done():
                raise _lost("deferred", "data", error=TimeoutError())
        elif taken.exception() is not None and not reply.done():
            raise _lost("deferred", "data", error=taken.exception())

    async def _final_reply(self, reply: "asyncio.Future[aiosmtplib.SMTPResponse]") -> aiosmtplib.SMTPResponse:
        try:
            found = await asyncio.wait_for(reply, self._timeouts.final_dot)
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise _lost("in_doubt", "end_of_data", error=error) from None
        if found.code // 100 == 2:
            return found
        if found.code // 100 in (4, 5):
            raise _refused("end_of_data", found)
        raise _Ended("in_doubt", "end_of_data", reply=found, detail="the reply means nothing here", lost=True)

    def _result(self, ended: _Ended, recipient: str) -> SmtpResult:
        if ended.reply is None:
            return replace(self._facts, smtp_phase=ended.phase)
        code, text = ended.reply
        return replace(
            self._facts,
            smtp_phase=ended.phase,
            smtp_reply_code=code,
            enhanced_status_code=enhanced_status(code, text),
            smtp_reply_text=clean(text, recipient=recipient),
        )

    async def _reset(self) -> None:
        """Leave a refused transaction behind, so that the next mail meets a clean session or none."""
        if not await self._courtesy(b"RSET"):
            self._cut()

    async def _courtesy(self, command: bytes) -> bool:
        try:
            reply = await self._smtp.execute_command(command, timeout=self._timeouts.quit)
        except (aiosmtplib.SMTPException, OSError):
            return False
        return reply.code // 100 == 2

    def _cut(self) -> None:
        transport = self._smtp.transport
        if transport is not None:
            cast("asyncio.Transport", transport).abort()
        self._smtp.close()


def give_all_at_once(smtp: aiosmtplib.SMTP) -> None:
    """Let nothing linger in our own buffers: only then is the final dot sent when it is written.

    Over TLS both layers have a buffer: call this before and after STARTTLS. (asyncio's TLS layer pauses at its high
    water mark, a plain transport above it: hence 1 and 0.)
    """
    if smtp.transport is not None:
        high = 0 if smtp.transport.get_extra_info("sslcontext") is None else 1
        cast("asyncio.Transport", smtp.transport).set_write_buffer_limits(high=high, low=0)


def _send(protocol: SMTPProtocol, data: bytes) -> None:
    try:
        protocol.write(data)
    except (aiosmtplib.SMTPException, OSError) as error:
        raise _lost("deferred", "data", error=error) from None


def _early(reply: "asyncio.Future[aiosmtplib.SMTPResponse]") -> _Ended:
    error = reply.exception()
    return _lost("deferred", "data", error=error) if error is not None else _refused("data", reply.result(), lost=True)


def _refused(phase: SmtpPhase, reply: aiosmtplib.SMTPResponse, *, lost: bool = False) -> _Ended:
    """By the class of the reply: 4xx to be tried again, 5xx for good; what has no place here ends the session."""
    closing = lost or reply.code == SERVICE_CLOSING
    match reply.code // 100:
        case 5:
            return _Ended("bounced", phase, reply=reply, lost=closing)
        case 4:
            return _Ended("deferred", phase, reply=reply, lost=closing)
    return _Ended("deferred", phase, reply=reply, detail="the reply means nothing here", lost=True)


def _lost(kind: OutcomeKind, phase: SmtpPhase, *, error: BaseException | None) -> _Ended:
    """The session broke; a reply that cannot be read is none."""
    match error:
        case aiosmtplib.SMTPResponseException():
            detail = "the reply is not one of SMTP"
        case TimeoutError():
            detail = "no reply in time"
        case _:
            detail = "the connection was lost"
    return _Ended(kind, phase, detail=detail, lost=True)


def _forget(reply: "asyncio.Future[aiosmtplib.SMTPResponse]") -> None:
    if not reply.done():
        reply.cancel()
    elif not reply.cancelled():
        reply.exception()
