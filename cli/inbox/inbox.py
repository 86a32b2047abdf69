"""The inbox as an asynchronous context: SMTP and HTTP in one event loop."""

import asyncio
import contextlib
import socket
from pathlib import Path
from typing import Self

import uvicorn

from cli.inbox.pages import application
from cli.inbox.reader import Reader
from cli.inbox.smtp import Handler, serve_smtp
from cli.inbox.store import Store

HOST = "127.0.0.1"


class Inbox:
    """Serves inside the context; port 0 takes a free one. `store` holds what arrived."""

    def __init__(
        self,
        data: Path,
        *,
        smtp_port: int = 0,
        http_port: int = 0,
        slow_seconds: float = 3.0,
        read_hosts: frozenset[str] = frozenset(),
    ) -> None:
        self.store = Store(data)
        self.smtp_port, self.http_port = smtp_port, http_port
        self._slow_seconds, self._read_hosts = slow_seconds, read_hosts
        self._reading: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._reader = Reader(self._read_hosts)
        handler = Handler(self.store, slow_seconds=self._slow_seconds, read=self._read)
        self._smtp = await serve_smtp(handler, host=HOST, port=self.smtp_port)
        self.smtp_port = self._smtp.sockets[0].getsockname()[1]
        listener = socket.create_server((HOST, self.http_port))
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else each answer waits 40 ms for an ACK
        self.http_port = listener.getsockname()[1]
        config = uvicorn.Config(application(self.store), log_level="warning", lifespan="off")
        self._http = uvicorn.Server(config)
        self._http.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
        self._serving = asyncio.create_task(self._http.serve(sockets=[listener]))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._smtp.close()
        self._http.should_exit = True
        await self._serving
        for task in self._reading:
            task.cancel()
        await asyncio.gather(*self._reading, return_exceptions=True)
        await self._reader.close()
        self.store.close()

    def _read(self, number: int) -> None:
        task = asyncio.create_task(self._reader.read(self.store.source(number)))
        self._reading.add(task)
        task.add_done_callback(self._reading.discard)
