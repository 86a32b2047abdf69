"""A real SMTP server on loopback that answers each step of a session as its script says, and keeps what it was told."""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final

Script = Mapping[str, str | list[str]]
DROP: Final = "(drop the connection)"
SILENCE: Final = "(say nothing more)"

DEFAULTS: Final = {
    "connect": "220 mx.example.com ESMTP",
    "EHLO": "250-mx.example.com\r\n250-SIZE 10485760\r\n250-8BITMIME\r\n250 SMTPUTF8",
    "HELO": "250 mx.example.com",
    "STARTTLS": "220 2.0.0 go ahead",
    "AUTH": "235 2.7.0 welcome",
    "MAIL": "250 2.1.0 ok",
    "RCPT": "250 2.1.5 ok",
    "DATA": "354 end with a dot",
    "body": "",  # when the first line of the message has come: nothing
    "dot": "250 2.0.0 queued as 42",
    "RSET": "250 2.0.0 ok",
    "QUIT": "221 2.0.0 bye",
}


@dataclass
class Heard:
    """What one session said: its commands, and its messages as they stood on the wire, dots and all."""

    commands: list[str] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)
    unfinished: bytearray | None = None
    encrypted: bool = False


class ScriptedSmtp:
    """`script` overrides the reply to a step; a list gives one reply after another, the last one for ever."""

    def __init__(
        self,
        script: Script | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        smtps: bool = False,
        address: tuple[str, int] = ("127.0.0.1", 0),
    ) -> None:
        self.script: Script = {**DEFAULTS, **(script or {})}
        self.sessions: list[Heard] = []
        self.host, self.port = address
        self._tls = tls
        self._smtps = smtps
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "ScriptedSmtp":
        tls = self._tls if self._smtps else None
        self._server = await asyncio.start_server(self._session, self.host, self.port, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        heard = Heard(encrypted=self._smtps)
        self.sessions.append(heard)
        try:
            await self._talk(heard, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the session is over, whoever ended it
        finally:
            writer.transport.abort()

    async def _talk(self, heard: Heard, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._reply("connect", writer)
        while line := await reader.readline():
            heard.commands.append(line.decode("utf-8").rstrip("\r\n"))
            step = heard.commands[-1].partition(" ")[0].upper()
            answer = await self._reply(step, writer)
            if step == "QUIT":
                return
            if step == "STARTTLS" and answer.startswith("220"):
                assert self._tls is not None
                await writer.start_tls(self._tls)
                heard.encrypted = True
            if step == "DATA" and any(line.startswith("354") for line in answer.split("\r\n")):
                await self._message(heard, reader, writer)

    async def _message(self, heard: Heard, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.unfinished = bytearray(await reader.readline())
        await self._reply("body", writer)
        while not (heard.unfinished == b".\r\n" or heard.unfinished.endswith(b"\r\n.\r\n")):
            heard.unfinished += await reader.readuntil(b"\n")
        heard.messages.append(bytes(heard.unfinished.removesuffix(b".\r\n")))
        heard.unfinished = None
        await self._reply("dot", writer)

    async def _reply(self, step: str, writer: asyncio.StreamWriter) -> str:
        answer = self.script.get(step, "500 5.5.2 what?")
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if answer == DROP:
            raise ConnectionError
        if answer == SILENCE:
            await asyncio.Event().wait()
        if answer:
            writer.write(answer.encode("latin-1") + b"\r\n")
            await writer.drain()
        return answer
