"""The sink takes what clients send, in whatever pieces, and keeps it byte for byte."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from cli.bench.sink import EHLO, REPLIES, Sink, Store

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]

MAILS = [b"Subject: a\r\n\r\n..stuffed\r\nend\r\n", b"", b"..\r\n", b"x" * 300_000 + b"\r\n"]
PLAIN = [b"Subject: a\r\n\r\n.stuffed\r\nend\r\n", b"", b".\r\n", MAILS[3]]
GREETING, OK = b"220 sink ESMTP\r\n", REPLIES[b"NOOP"]
ENVELOPE = b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"
ACCEPTED = REPLIES[b"MAIL"] + REPLIES[b"RCPT"] + REPLIES[b"DATA"]


@asynccontextmanager
async def sink(store: Store, *, latency: float = 0) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    server = await asyncio.get_running_loop().create_server(lambda: Sink(store, latency=latency), "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        yield reader, writer
        writer.close()
        await writer.wait_closed()


async def answers(store: Store, pieces: Sequence[bytes]) -> bytes:
    async with sink(store) as (reader, writer):
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        return await reader.read()


@pytest.mark.parametrize("size", [1, 2, 5, 1 << 20])
async def test_in_pieces_of_any_size(tmp_path: Path, size: int) -> None:
    mails = MAILS if size > 5 else MAILS[:3]
    wire = b"EHLO c\r\n" + b"".join(ENVELOPE + mail + b".\r\n" for mail in mails) + b"RSET\r\nWHAT\r\nQUIT\r\n"
    said = await answers(Store(tmp_path, keep_every=1), [wire[at : at + size] for at in range(0, len(wire), size)])

    assert said == GREETING + EHLO + (ACCEPTED + OK) * len(mails) + OK + b"502 5.5.1 Not here\r\n" + REPLIES[b"QUIT"]
    assert [(tmp_path / f"{number + 1}.eml").read_bytes() for number in range(len(mails))] == PLAIN[: len(mails)]


async def test_one_mail_in_so_many_is_kept(tmp_path: Path) -> None:
    store = Store(tmp_path, keep_every=3)
    await answers(store, [(ENVELOPE + b"a\r\n.\r\n") * 10 + b"QUIT\r\n"])
    assert store.taken == 10 and sorted(path.name for path in tmp_path.iterdir()) == ["3.eml", "6.eml", "9.eml"]


async def test_it_can_be_slow(tmp_path: Path) -> None:
    async with sink(Store(tmp_path, keep_every=1), latency=0.1) as (reader, writer):
        await reader.readline()
        begun = time.monotonic()
        writer.write(ENVELOPE)
        assert await reader.readexactly(len(ACCEPTED)) == ACCEPTED
        assert time.monotonic() - begun >= 0.1
