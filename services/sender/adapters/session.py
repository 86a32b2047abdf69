"""One connection to an SMTP server: what is written leaves at once, what comes in is cut into replies."""

import asyncio
import ssl
from typing import Any, Final, cast

from services.sender.reply_reader import NotAReply, Reply, ReplyReader

UNASKED: Final = 16  # replies that may wait to be read: more than any group of commands has
LOOK_AGAIN: Final = 0.005  # seconds; the TLS layer does not say when what lies below it has left


class Over(Exception):
    """The session has ended; the message says why. Replies that came before can still be read."""


class Session(asyncio.Protocol):
    """Not for use by two tasks at once. `over` says why it has ended, once it has."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.over: str | None = None
        self._loop = loop
        self._reader = ReplyReader()
        self._waiter: asyncio.Future[None] | None = None
        self._transport: asyncio.Transport | None = None
        self._socket: asyncio.Transport | None = None  # the same, or what lies below the TLS layer

    @property
    def heard(self) -> bool:
        """Whether a reply waits to be read."""
        return bool(self._reader.replies)

    @property
    def usable(self) -> bool:
        """Whether, as far as is known, the other side waits for a command."""
        return self.over is None and self._transport is not None and self._reader.empty

    @property
    def unsent(self) -> int:
        """Octets that have been written and have not left our hands."""
        if self._transport is None or self._socket is None:
            return 0
        size = self._transport.get_write_buffer_size()
        return size if self._socket is self._transport else size + self._socket.get_write_buffer_size()

    def info(self, name: str) -> Any:
        """What the transport knows by this name (`peername`, `sockname`, `ssl_object`)."""
        return self._transport.get_extra_info(name) if self._transport is not None else None

    def write(self, data: bytes) -> None:
        """Send; raises `Over`."""
        if self.over is not None or self._transport is None:
            raise Over(self.over)
        self._transport.write(data)

    async def ask(self, command: bytes, *, within: float) -> Reply:
        """Send a command and read its reply, as in `reply`."""
        self.write(command + b"\r\n")
        return await self.reply(within=within)

    async def reply(self, *, within: float) -> Reply:
        """The next reply; raises `Over` when there is none, also when it is not whole within so many seconds."""
        replies = self._reader.replies
        if not replies:
            timer = self._loop.call_later(within, self._end, "no reply in time")
            try:
                while not replies and self.over is None:
                    await self._news()
            finally:
                timer.cancel()
            if not replies:
                raise Over(self.over)
        return replies.popleft()

    async def taken(self, *, within: float) -> None:
        """Wait until all that was written has left, or a reply has come; raises `Over`, as `reply` does."""
        timer = self._loop.call_later(within, self._end, "no reply in time")
        try:
            while self.unsent and not self.heard and self.over is None:
                await self.moment()
        finally:
            timer.cancel()
        if self.over is not None and not self.heard:
            raise Over(self.over)

    async def moment(self) -> None:
        """Wait for news, but not long."""
        timer = self._loop.call_later(LOOK_AGAIN, self._wake)
        try:
            await self._news()
        finally:
            timer.cancel()

    async def start_tls(self, context: ssl.SSLContext, *, name: str, within: float) -> None:
        """Encrypt from here on; raises `Over`, OSError. What was said in the clear before does not count (RFC 3207)."""
        if self._socket is None or self.over is not None:
            raise Over(self.over)
        if not self._reader.empty:
            raise Over("the server spoke on in the clear where TLS begins")
        encrypted = await self._loop.start_tls(
            self._socket, self, context, server_hostname=name, ssl_handshake_timeout=within
        )
        if encrypted is None:
            raise Over("the connection was lost")
        encrypted.set_write_buffer_limits(high=1, low=0)  # this layer pauses at its high water mark, the other above it
        self._transport = encrypted

    def cut(self, why: str = "the connection was cut") -> None:
        """End it at once; what has not left is thrown away."""
        self._end(why)

    def close(self) -> None:
        """End it once what was written has left."""
        if self._transport is not None and self.over is None:
            self.over = "the connection was closed"
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Nothing may linger in our own buffers: only then is the final dot sent when it is written."""
        self._transport = self._socket = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=0)

    def data_received(self, data: bytes) -> None:
        """Replies, or parts of them."""
        try:
            self._reader.feed(data)
        except NotAReply:
            self._end("the reply is not one of SMTP")
        if len(self._reader.replies) > UNASKED:
            self._end("the server speaks unasked")
        if self._reader.replies:
            self._wake()

    def eof_received(self) -> None:
        """The other side has said its last word."""
        self._lost()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing goes either way any more."""
        self._lost()

    def resume_writing(self) -> None:
        """What was written has left."""
        self._wake()

    def _lost(self) -> None:
        if self.over is None:
            self.over = "the connection was lost"
        self._wake()

    def _end(self, why: str) -> None:
        if self.over is None:
            self.over = why
        if self._transport is not None:
            self._transport.abort()
        self._wake()

    async def _news(self) -> None:
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
