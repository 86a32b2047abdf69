"""An SMTP server that takes RFC 5321 and 2920 at their word, and keeps what was done against them as `faults`.

The local part of an address says which step is refused: `mail`, `rcpt`, `data`, `dot`. A sender `go` has its DATA
accepted with nobody to send to.
"""

import asyncio
import re
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, cast

EHLO: Final = b"250-strict\r\n250-PIPELINING\r\n250 SIZE\r\n"
BARE: Final = re.compile(rb"\r(?!\n)|(?<!\r)\n")


@dataclass
class Books:
    """All that was heard: what was taken, with the recipient; what was done wrong; every octet."""

    mails: list[tuple[str, bytes]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    wire: bytearray = field(default_factory=bytearray)


class StrictSmtp:
    """Serves on `port`."""

    def __init__(self, *, pipelining: bool = True) -> None:
        self.books = Books()
        self.port = 0
        self._pipelining = pipelining
        self._sessions: list[_Session] = []

    async def __aenter__(self) -> "StrictSmtp":
        self._server = await asyncio.get_running_loop().create_server(self._session, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for session in self._sessions:
            session.transport.abort()
        await self._server.wait_closed()

    def _session(self) -> "_Session":
        self._sessions.append(_Session(self.books, EHLO if self._pipelining else b"250 strict\r\n"))
        return self._sessions[-1]


class _Session(asyncio.Protocol):
    def __init__(self, books: Books, ehlo: bytes) -> None:
        self._books = books
        self._ehlo = ehlo
        self._input = bytearray()
        self._lines: list[bytes] | None = None  # of a mail, in DATA
        self._sender: str | None = None
        self._recipients: list[str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(b"220 strict\r\n")

    def data_received(self, data: bytes) -> None:
        self._books.wire += data
        self._input += data
        *lines, rest = bytes(self._input).split(b"\r\n")
        for number, line in enumerate(lines):
            self._last = number == len(lines) - 1 and not rest
            self._line(line)
        self._input[:] = rest

    def _line(self, line: bytes) -> None:
        if len(line) > 998 or b"\r" in line or b"\n" in line or b"\0" in line:
            self._books.faults.append(f"not a line: {line[:80]!r}")
        if self._lines is None:
            self._say(self._command(*line.decode().partition(" ")[::2]))
        elif line != b".":
            self._lines.append(line.removeprefix(b"."))
        else:
            self._say(self._end())

    def _say(self, reply: bytes) -> None:
        self.transport.write(reply)

    def _command(self, verb: str, rest: str) -> bytes:
        local = rest.partition("<")[2].partition("@")[0]
        match verb:
            case "EHLO":
                return self._ehlo
            case "MAIL" if self._sender is None:
                if local == "mail":
                    return b"550 5.7.1 mail refused\r\n"
                self._sender = local
                return b"250 ok\r\n"
            case "RCPT" if self._sender is not None:
                if local.startswith("rcpt"):
                    return b"550 5.1.1 rcpt refused\r\n"
                self._recipients.append(local)
                return b"250 ok\r\n"
            case "DATA":
                return self._data()
            case "RSET":
                self._forget()
                return b"250 ok\r\n"
            case "QUIT":
                return b"221 bye\r\n"
        if verb != "RCPT":  # pipelined after a MAIL that was refused: no fault
            self._books.faults.append(f"out of order: {verb}")
        return b"503 5.5.1 out of order\r\n"

    def _data(self) -> bytes:
        if not self._last:
            self._books.faults.append("DATA was not the last of its group")
        if self._recipients == ["data"]:
            return b"450 4.3.0 data refused\r\n"
        if not self._recipients and self._sender != "go":
            return b"503 5.5.1 nobody to send it to\r\n"
        self._lines = []
        return b"354 go\r\n"

    def _end(self) -> bytes:
        mail = b"".join(line + b"\r\n" for line in self._lines or [])
        recipients, self._lines = self._recipients, None
        self._forget()
        if not recipients:
            if mail:
                self._books.faults.append("content for nobody")
            return b"554 5.5.1 no valid recipients\r\n"
        if recipients == ["dot"]:
            return b"554 5.7.1 content refused\r\n"
        self._books.mails.append((recipients[0], mail))
        return b"250 taken\r\n"

    def _forget(self) -> None:
        self._sender, self._recipients = None, []
