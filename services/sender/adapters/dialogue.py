"""The mail transactions of an SMTP session (RFC 5321, 2920). The final dot is a write of its own."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Final

from msgspec.structs import replace

from services.sender.adapters.session import Over, Session
from services.sender.domain.mail import Composed, Outcome, OutcomeKind
from services.sender.domain.route import Route, Timeouts
from services.sender.envelope import mail_from, rcpt_to
from services.sender.replies import clean, enhanced_status
from services.sender.reply_reader import Reply
from services.sender.wire import UnsafeOnTheWire, stuffed
from shared.commands import SmtpResult
from shared.events.envelope import SmtpPhase

FINAL_DOT: Final = b".\r\n"
BLOCK: Final = 256 * 1024  # octets written before the other side must have taken them
SERVICE_CLOSING: Final = 421
MEANS_NOTHING: Final = "the reply means nothing here"
INTERRUPTED: Final = "interrupted before the final dot"


class _Ended(Exception):
    """The transaction ends here; `reply` when the other side said so. `lost`: the connection must not be used again."""

    def __init__(
        self,
        kind: OutcomeKind,
        phase: SmtpPhase | None,
        *,
        reply: Reply | None = None,
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
    """An established session. Not for use by two tasks at once. `offered`: the extensions with their parameters."""

    def __init__(
        self, session: Session, route: Route, *, facts: SmtpResult, offered: Mapping[str, str], timeouts: Timeouts
    ) -> None:
        self.route = route
        self.mails = 0
        self._session = session
        self._facts = facts
        self._offered = offered
        self._timeouts = timeouts
        self._open = False  # whether the other side has a transaction under way
        self._dot_is_out = False

    @property
    def usable(self) -> bool:
        """Whether, as far as is known, another mail can be sent."""
        return self._session.usable

    @property
    def facts(self) -> SmtpResult:
        """What opening it has shown: the addresses, the encryption."""
        return self._facts

    async def deliver(self, mail: Composed, *, may_finish: Callable[[], bool]) -> Outcome:
        """Send one mail. `may_finish` is asked right before the final dot; if it says no, the connection is cut."""
        started = time.monotonic()
        self.mails += 1
        try:
            ended = _Ended("delivered", "end_of_data", reply=await self._transaction(mail, may_finish))
        except _Ended as stopped:
            ended = stopped.with_traceback(None)  # or it would keep this frame, and that would keep it
        except BaseException:
            self._session.cut()
            raise
        if ended.lost or (self._open and not await self._courtesy(b"RSET")):
            self._session.cut()
        self._open = self._dot_is_out = False
        return Outcome(
            kind=ended.kind,
            result=self._result(ended, mail.recipient),
            connection_lost=not self.usable,
            session_ms=int((time.monotonic() - started) * 1000),
            detail=ended.detail,
        )

    def interrupt(self) -> None:
        """Cut the connection unless the final dot is out already: `deliver` then ends as `cut`."""
        if not self._dot_is_out:
            self._session.cut(INTERRUPTED)

    async def close(self) -> None:
        """Say QUIT, without waiting long for the answer, and close."""
        if self.usable:
            await self._courtesy(b"QUIT")
        self._session.close()

    async def _transaction(self, mail: Composed, may_finish: Callable[[], bool]) -> Reply:
        try:
            content = stuffed(mail.message)
            sender, recipient = mail_from(mail, offered=self._offered), rcpt_to(mail, offered=self._offered)
        except UnsafeOnTheWire as unsafe:
            raise _Ended("failed_local", None, detail=str(unsafe)) from None
        if self._session.heard:  # words that are about no mail of ours
            raise _Ended("deferred", "mail_from", reply=await self._reply("mail_from"), detail=MEANS_NOTHING, lost=True)
        if "pipelining" in self._offered:
            await self._pipelined(sender + recipient + b"DATA\r\n")
        else:
            await self._one_by_one(sender, recipient)
        await self._content(content)
        await self._finish(may_finish)
        return await self._final_reply()

    async def _one_by_one(self, sender: bytes, recipient: bytes) -> None:
        self._send("mail_from", sender)
        await self._accepted("mail_from")
        self._send("rcpt_to", recipient)
        await self._accepted("rcpt_to")
        self._send("data", b"DATA\r\n")
        await self._accepted("data")

    async def _pipelined(self, commands: bytes) -> None:
        """All at once (RFC 2920). The first refusal counts; the replies after it are read all the same."""
        self._send("mail_from", commands)
        refused: _Ended | None = None
        accepted: list[SmtpPhase] = []
        for phase in ("mail_from", "rcpt_to", "data"):
            try:
                await self._accepted(phase)
                accepted.append(phase)
            except _Ended as ended:
                refused = refused or ended
                refused.lost |= ended.lost
                if refused.lost:
                    break
        if refused is not None:
            if "data" in accepted and not refused.lost:
                await self._end_empty(refused, accepted)
            raise refused

    async def _end_empty(self, refused: _Ended, accepted: list[SmtpPhase]) -> None:
        """DATA was accepted for nobody: a dot alone ends that (RFC 2920 section 3.1), if it can reach nobody."""
        refused.lost = True
        if "rcpt_to" in accepted:
            return
        try:
            self._session.write(FINAL_DOT)
            await self._session.reply(within=self._timeouts.reply)
        except Over:
            return
        self._open = refused.lost = False

    def _send(self, phase: SmtpPhase, data: bytes) -> None:
        try:
            self._session.write(data)
        except Over as over:
            raise _lost(phase, over) from None

    async def _reply(self, phase: SmtpPhase) -> Reply:
        timeout = self._timeouts.data if phase == "data" else self._timeouts.reply
        try:
            return await self._session.reply(within=timeout)
        except Over as over:
            raise _lost(phase, over) from None

    async def _accepted(self, phase: SmtpPhase) -> None:
        reply = await self._reply(phase)
        if reply.code // 100 != (3 if phase == "data" else 2):
            raise _refused(phase, reply)
        self._open = True

    async def _content(self, content: bytes) -> None:
        """Write all but the final dot, until it has left our hands; a reply that comes before the dot ends it."""
        for start in range(0, len(content), BLOCK):
            if start:
                await asyncio.sleep(0)  # what has gone wrong by now is heard of
            self._send("data", content[start : start + BLOCK])
            if self._session.unsent:
                await self._taken()
            if self._session.heard:
                raise _refused("data", await self._reply("data"), lost=True)

    async def _taken(self) -> None:
        try:
            await self._session.taken(within=self._timeouts.block)
        except Over as over:
            raise _lost("data", over) from None

    async def _finish(self, may_finish: Callable[[], bool]) -> None:
        """Write the final dot while we may. As long as it lingers with us, because the other side takes nothing, the
        same question stands."""
        give_up_at = time.monotonic() + self._timeouts.block
        _require(may_finish)
        self._dot_is_out = True
        self._send("data", FINAL_DOT)
        while self._session.unsent and self._session.over is None:
            await self._session.moment()
            _require(may_finish)
            if time.monotonic() > give_up_at:
                raise _Ended("deferred", "data", detail="no reply in time", lost=True)

    async def _final_reply(self) -> Reply:
        try:
            reply = await self._session.reply(within=self._timeouts.final_dot)
        except Over as over:
            raise _Ended("in_doubt", "end_of_data", detail=str(over), lost=True) from None
        self._open = False
        if reply.code // 100 == 2:
            return reply
        if reply.code // 100 in (4, 5):
            raise _refused("end_of_data", reply)
        raise _Ended("in_doubt", "end_of_data", reply=reply, detail=MEANS_NOTHING, lost=True)

    def _result(self, ended: _Ended, recipient: str) -> SmtpResult:
        if ended.reply is None:
            return replace(self._facts, smtp_phase=ended.phase)
        code, text = ended.reply.code, ended.reply.text
        return replace(
            self._facts,
            smtp_phase=ended.phase,
            smtp_reply_code=code,
            enhanced_status_code=enhanced_status(code, text),
            smtp_reply_text=clean(text, recipient=recipient),
        )

    async def _courtesy(self, command: bytes) -> bool:
        try:
            return (await self._session.ask(command, within=self._timeouts.quit)).code // 100 == 2
        except Over:
            return False


def _require(may_finish: Callable[[], bool]) -> None:
    if not may_finish():
        raise _Ended("cut", "data", detail="the lease was over before the final dot", lost=True)


def _lost(phase: SmtpPhase, over: Over) -> _Ended:
    return _Ended("cut" if str(over) == INTERRUPTED else "deferred", phase, detail=str(over), lost=True)


def _refused(phase: SmtpPhase, reply: Reply, *, lost: bool = False) -> _Ended:
    """By the class of the reply: 4xx to be tried again, 5xx for good; what has no place here ends the session."""
    closing = lost or reply.code == SERVICE_CLOSING
    match reply.code // 100:
        case 5:
            return _Ended("bounced", phase, reply=reply, lost=closing)
        case 4:
            return _Ended("deferred", phase, reply=reply, lost=closing)
    return _Ended("deferred", phase, reply=reply, detail=MEANS_NOTHING, lost=True)
