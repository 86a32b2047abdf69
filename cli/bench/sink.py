"""A fast SMTP sink in a process of its own: takes everything, keeps one mail in a hundred for the DKIM check."""

import argparse
import asyncio
import sys
from pathlib import Path
from typing import Final, cast

EHLO: Final = b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES\r\n"
OK: Final = b"250 2.0.0 Ok\r\n"
REPLIES: Final = {
    b"EHLO": EHLO,
    b"HELO": b"250 sink\r\n",
    b"MAIL": b"250 2.1.0 Ok\r\n",
    b"RCPT": b"250 2.1.5 Ok\r\n",
    b"RSET": OK,
    b"NOOP": OK,
    b"DATA": b"354 End data with <CR><LF>.<CR><LF>\r\n",
    b"QUIT": b"221 2.0.0 Bye\r\n",
}
END: Final = b"\r\n.\r\n"
TELL_EVERY: Final = 0.1  # seconds


class Store:
    """Counts the mails, and keeps one in `keep_every` as a file."""

    def __init__(self, folder: Path, *, keep_every: int) -> None:
        self._folder = folder
        self._keep_every = keep_every
        self.taken = 0

    def tell(self) -> None:
        """Write how many were taken into the file `taken`, again and again."""
        (self._folder / "taken.new").write_text(str(self.taken))
        (self._folder / "taken.new").replace(self._folder / "taken")
        asyncio.get_running_loop().call_later(TELL_EVERY, self.tell)

    def take(self, stuffed: bytes) -> None:
        """A mail, with its dots doubled."""
        self.taken += 1
        if self.taken % self._keep_every == 0:
            mail = (b"\r\n" + stuffed).replace(b"\r\n..", b"\r\n.")[2:]
            (self._folder / f"{self.taken}.eml").write_bytes(mail)


class Sink(asyncio.Protocol):
    """One connection. Each piece of input is answered as a whole, after `latency` seconds."""

    def __init__(self, store: Store, *, latency: float) -> None:
        self._store = store
        self._latency = latency
        self._input = b""
        self._in_data = False
        self._seen = 0  # octets of a mail that were searched for its end

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greets."""
        self._transport = cast("asyncio.Transport", transport)
        self._say(b"220 sink ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        """Commands and mails, in whatever pieces."""
        self._input += data
        replies: list[bytes] = []
        while reply := self._mail() if self._in_data else self._command():
            replies.append(reply)
        if replies:
            self._say(b"".join(replies))

    def _command(self) -> bytes | None:
        line, end, rest = self._input.partition(b"\n")
        if not end:
            return None
        verb = line[:4].upper()
        # what comes next is the mail; its first line may be the dot, so the line end before it counts as its own
        self._in_data = verb == b"DATA"
        self._input, self._seen = (b"\r\n" + rest if self._in_data else rest), 0
        return REPLIES.get(verb, b"502 5.5.1 Not here\r\n")

    def _mail(self) -> bytes | None:
        end = self._input.find(END, self._seen)
        if end < 0:
            self._seen = max(0, len(self._input) - len(END) + 1)
            return None
        self._store.take(self._input[2 : end + 2])
        self._input, self._in_data = self._input[end + len(END) :], False
        return OK

    def _say(self, replies: bytes) -> None:
        if self._latency:
            asyncio.get_running_loop().call_later(self._latency, self._now, replies)
        else:
            self._now(replies)

    def _now(self, replies: bytes) -> None:
        self._transport.write(replies)
        if replies.endswith(REPLIES[b"QUIT"]):
            self._transport.close()


async def main(arguments: argparse.Namespace) -> None:
    """Serve until killed."""
    store = Store(arguments.folder, keep_every=arguments.keep_every)
    store.tell()
    server = await asyncio.get_running_loop().create_server(
        lambda: Sink(store, latency=arguments.latency_ms / 1000), "127.0.0.1", arguments.port
    )
    async with server:
        await server.serve_forever()


def _arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("folder", type=Path, help="where mails are kept")
    parser.add_argument("--keep-every", type=int, default=100, help="keep one mail in so many")
    parser.add_argument("--latency-ms", type=float, default=0, help="before each reply")
    return parser.parse_args(words)


if __name__ == "__main__":
    import uvloop

    uvloop.run(main(_arguments(sys.argv[1:])))
