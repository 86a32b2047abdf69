"""A fast SMTP sink in a process of its own: takes everything, keeps one mail in a hundred for the DKIM check."""

import asyncio
import sys
from pathlib import Path
from typing import Final

GREETING: Final = b"220 sink ESMTP\r\n"
EHLO: Final = b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES\r\n"
REPLIES: Final = {
    b"EHLO": EHLO,
    b"MAIL": b"250 2.1.0 Ok\r\n",
    b"RCPT": b"250 2.1.5 Ok\r\n",
    b"RSET": b"250 2.0.0 Ok\r\n",
    b"NOOP": b"250 2.0.0 Ok\r\n",
    b"DATA": b"354 End data with <CR><LF>.<CR><LF>\r\n",
}
KEEP_EVERY: Final = 100


class Sink:
    """Counts what it takes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.taken = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        writer.write(GREETING)
        try:
            while line := await reader.readline():
                verb = line[:4].upper()
                if verb == b"QUIT":
                    writer.write(b"221 2.0.0 Bye\r\n")
                    break
                writer.write(REPLIES.get(verb, b"502 5.5.1 Not here\r\n"))
                if verb == b"DATA":
                    await self._data(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def _data(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        mail = await reader.readuntil(b"\r\n.\r\n")
        self.taken += 1
        if self.taken % KEEP_EVERY == 0:
            (self._folder / f"{self.taken}.eml").write_bytes(mail[:-3].replace(b"\r\n..", b"\r\n."))
        writer.write(b"250 2.0.0 Ok: taken\r\n")


async def main(port: int, folder: Path) -> None:
    """Serve until killed; 32 MiB is the largest mail."""
    server = await asyncio.start_server(Sink(folder).serve, "127.0.0.1", port, limit=32 * 1024 * 1024)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    import uvloop

    uvloop.run(main(int(sys.argv[1]), Path(sys.argv[2])))
