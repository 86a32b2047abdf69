"""A real HTTPS server on loopback that answers each path as the test says, and keeps what it was asked."""

import asyncio
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType


@dataclass
class Asked:
    """One request."""

    line: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class HttpsServer:
    """`answers` holds whole responses (head and body) by path; a path without one is answered 404, None is silence."""

    def __init__(self, tls: ssl.SSLContext, *, host: str = "127.0.0.1") -> None:
        self.answers: dict[str, bytes | None] = {}
        self.asked: list[Asked] = []
        self.port = 0
        self._tls = tls
        self._host = host
        self._silent = asyncio.Event()

    def say(self, path: str, body: bytes, *, status: str = "200 OK", media_type: str = "text/plain") -> None:
        """Answer a path so from now on."""
        head = f"HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\nContent-Length: {len(body)}\r\n\r\n"
        self.answers[path] = head.encode() + body

    async def __aenter__(self) -> "HttpsServer":
        self._server = await asyncio.start_server(self._serve, self._host, 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._silent.set()
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            asked = await _request(reader)
            self.asked.append(asked)
            answer = self.answers.get(asked.line.split()[1], b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            if answer is None:
                await self._silent.wait()
            else:
                writer.write(answer)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # it went away
        finally:
            await _goodbye(writer)


async def _request(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    pairs = (line.partition(":") for line in head[1:] if line)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    return Asked(head[0], headers, await reader.readexactly(int(headers.get("content-length", 0))))


async def _goodbye(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError, ssl.SSLError):  # the other side was faster
        await writer.wait_closed()
