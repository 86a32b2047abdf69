"""A scripted SMTP server: at each step of a dialogue a scenario may have it reply, wait, cut or kill."""

import asyncio
import ssl
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import count
from types import TracebackType
from typing import Final, Literal, Self

from cli.stack.ports import HOST
from tests.faults.wire import Copy, Wire

Phase = Literal["banner", "ehlo", "starttls", "mail", "rcpt", "data", "body", "dot", "replied"]
PHASES: Final[tuple[Phase, ...]] = ("banner", "ehlo", "mail", "rcpt", "data", "body", "dot", "replied")
LARGEST: Final = 32 * 1024 * 1024  # bytes of a mail
REPLIES: Final[dict[Phase, str]] = {
    "banner": "220 lab.example ESMTP",
    "mail": "250 2.1.0 ok",
    "rcpt": "250 2.1.5 ok",
    "data": "354 go on",
    "dot": "250 2.0.0 kept",
}
OTHERS: Final = {"HELO": "250 lab.example", "RSET": "250 2.0.0 ok", "NOOP": "250 2.0.0 ok", "QUIT": "221 2.0.0 bye"}
OFFERS: Final = ("SIZE 10485760", "8BITMIME", "SMTPUTF8", "PIPELINING", "ENHANCEDSTATUSCODES")


class Cut(Exception):
    """Raised by a play: the connection is cut here, without a word. At the dot, `kept` says whether the mail is."""

    def __init__(self, *, kept: bool = True) -> None:
        super().__init__()
        self.kept = kept


@dataclass
class Step:
    """Where a dialogue is. `copy` is there from the recipient on; `writer` is for what is no proper reply."""

    phase: Phase
    session: int
    writer: asyncio.StreamWriter
    copy: Copy | None = None

    @property
    def recipient(self) -> str:
        """Of the mail under way; empty before it was named."""
        return self.copy.recipient if self.copy else ""


Play = Callable[[Step], Awaitable[str | None]]


async def plain(step: Step) -> str | None:
    """The play of a server that takes everything at once."""
    return None


def paced(seconds: float, *, at: Phase = "dot") -> Play:
    """Takes everything, but takes its time at one step: work is always in the middle."""

    async def play(step: Step) -> str | None:
        if step.phase == at:
            await asyncio.sleep(seconds)
        return None

    return play


class SmtpServer:
    """Runs in a thread of its own. `play` is asked at each step; what it returns is the reply, None for the usual one.

    `tls` makes it offer STARTTLS. At the step `body` the first line of the content has come, at `dot` all of it, at
    `replied` the reply to the dot has left.
    """

    def __init__(self) -> None:
        self.wire = Wire()
        self.play: Play = plain
        self.tls: ssl.SSLContext | None = None
        self.port = 0
        self._numbers = count(1)
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="smtp", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._session, HOST, self.port, limit=LARGEST)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        number = next(self._numbers)
        self.wire.opened(number)
        try:
            await _Dialogue(self, number, reader, writer).run()
        except (Cut, ConnectionError, ssl.SSLError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the session is over, whoever ended it
        finally:
            writer.transport.abort()
            self.wire.closed(number)
            self._tasks.discard(task)


class _Dialogue:
    """One session."""

    def __init__(
        self, server: SmtpServer, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._server, self._number, self._reader, self._writer = server, number, reader, writer
        self._copy: Copy | None = None
        self._encrypted = False

    async def run(self) -> None:
        await self._step("banner")
        while line := await self._reader.readline():
            verb = line[:4].decode("latin-1").upper().strip()
            if not await self._command(verb, line):
                return

    async def _command(self, verb: str, line: bytes) -> bool:
        """Whether the session goes on."""
        match verb:
            case "EHLO":
                await self._step("ehlo", self._offers())
            case "STAR":
                await self._start_tls()
            case "MAIL":
                self._copy = None
                await self._step("mail")
            case "RCPT":
                await self._recipient(line)
            case "DATA" if self._copy is None:
                await self._say("503 5.5.1 no recipient")
            case "DATA":
                if (await self._step("data")).startswith("354"):
                    await self._content()
            case _:
                await self._say(OTHERS.get(verb, "500 5.5.2 what?"))
        return verb != "QUIT"

    def _offers(self) -> str:
        offers = (*OFFERS, "STARTTLS") if self._server.tls and not self._encrypted else OFFERS
        lines = ("lab.example", *offers)
        return "\r\n".join(f"250{' ' if line is lines[-1] else '-'}{line}" for line in lines)

    async def _start_tls(self) -> None:
        if (await self._step("starttls", "220 2.0.0 go on")).startswith("220"):
            assert self._server.tls is not None
            await self._writer.start_tls(self._server.tls)
            self._encrypted = True

    async def _recipient(self, line: bytes) -> None:
        address = line.partition(b"<")[2].rpartition(b">")[0].decode()
        self._copy = Copy(recipient=address, session=self._number, began=time.monotonic())
        self._server.wire.begun(self._copy)
        if not (await self._step("rcpt")).startswith("2"):
            self._copy = None

    async def _content(self) -> None:
        copy = self._copy
        assert copy is not None
        first = await self._reader.readline()
        await self._step("body", "")
        rest = await self._reader.readuntil(b"\r\n.\r\n")
        copy.content(first + rest)
        copy.dot_at = time.monotonic()
        await self._dot(copy)
        try:
            await self._step("replied", "")
        except Cut:
            copy.unanswered = True  # what has just been written may be lost with the connection
            raise
        self._copy = None

    async def _dot(self, copy: Copy) -> None:
        """The mail is kept unless the play refuses it; also when the reply never leaves."""
        step = self._at("dot")
        try:
            reply = await self._server.play(step)
        except Cut as cut:
            copy.unanswered = True
            if cut.kept:
                self._server.wire.keep(copy, at=time.monotonic())
            raise
        except BaseException:
            self._server.wire.keep(copy, at=time.monotonic())
            raise
        reply = REPLIES["dot"] if reply is None else reply
        if reply.startswith("2"):
            self._server.wire.keep(copy, at=time.monotonic())
        await self._say(reply)
        copy.reply, copy.replied_at = reply, time.monotonic()

    def _at(self, phase: Phase) -> Step:
        if self._copy is not None:
            self._copy.phase = phase
        return Step(phase, self._number, self._writer, self._copy)

    async def _step(self, phase: Phase, usual: str | None = None) -> str:
        reply = await self._server.play(self._at(phase))
        if reply is None:
            reply = REPLIES[phase] if usual is None else usual
        if reply:
            await self._say(reply)
        return reply

    async def _say(self, reply: str) -> None:
        self._writer.write(reply.encode("latin-1") + b"\r\n")
        await self._writer.drain()
