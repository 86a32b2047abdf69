"""A TCP proxy before a Kafka broker, which can be cut and opened again: Kafka goes away and comes back, on one port.

Brokers tell clients their own address; the proxy puts its port in its place, so that clients stay behind it.
"""

import asyncio
import contextlib
import struct
import threading
from collections.abc import Coroutine
from typing import Any, Self, TypeVar

from confluent_kafka.admin import AdminClient

from cli.stack.ports import free_port

HOST = "127.0.0.1"
T = TypeVar("T")


class KafkaProxy:
    """Listens on a port of its own, or on none while it is cut. Runs in a thread; use as a context manager."""

    def __init__(self, bootstrap: str, *, cut: bool = False) -> None:
        broker = next(iter(AdminClient({"bootstrap.servers": bootstrap}).list_topics(timeout=10).brokers.values()))
        self._broker = (str(broker.host), broker.port)
        self.port = free_port()
        self._told, self._instead = (
            self._broker[0].encode() + struct.pack(">i", port) for port in (broker.port, self.port)
        )
        self._cut = cut
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> str:
        """Bootstrap servers for the clients."""
        return f"{self._broker[0]}:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._cut:
            self.reopen()
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut(self) -> None:
        """Nobody listens any more and every connection is gone."""
        self._run(self._close())

    def reopen(self) -> None:
        """Listen on the same port again."""
        self._run(self._open())

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._serve, HOST, self.port)

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            from_broker, to_broker = await asyncio.open_connection(*self._broker)
            with contextlib.closing(to_broker), contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await self._both(
                    asyncio.create_task(_pass_on(from_client, to_broker)),
                    asyncio.create_task(self._answers(from_broker, to_client)),
                )
        except asyncio.CancelledError:
            to_client.transport.abort()
        finally:
            to_client.close()
            self._connections.discard(task)

    async def _both(self, *ways: "asyncio.Task[None]") -> None:
        """Until either side is done."""
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _answers(self, from_broker: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        """Whole answers (a length before each), with our port where the broker's stands."""
        while True:
            length = await from_broker.readexactly(4)
            answer = await from_broker.readexactly(struct.unpack(">i", length)[0])
            to_client.write(length + answer.replace(self._told, self._instead))
            await to_client.drain()


async def _pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(65536):
        sink.write(data)
        await sink.drain()
