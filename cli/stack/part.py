"""What the supervisor knows of one process: how to start it, when it is ready, how to stop it."""

import asyncio
import http.client
import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from cli.stack.ports import HOST

Readiness = Callable[[], Awaitable[str | None]]


async def _nothing() -> None:
    """The preparation of a part that needs none."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One process. `ready` answers None when it serves, else a sentence: what is missing.

    `prepare` runs before the first start. Times are in seconds.
    """

    name: str
    command: tuple[str, ...]
    ready: Readiness
    address: str
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    prepare: Callable[[], Awaitable[None]] = _nothing
    stop_signal: signal.Signals = signal.SIGTERM
    start_seconds: float = 60
    stop_seconds: float = 8


def answers_http(port: int, path: str) -> Readiness:
    """Ready when `path` answers 200 on the loopback port."""

    def ask() -> str | None:
        connection = http.client.HTTPConnection(HOST, port, timeout=3)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            body = response.read(2000).decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            return f"{path} on port {port} does not answer ({error})"
        finally:
            connection.close()
        return None if response.status == 200 else f"{path} on port {port} says {response.status}: {body}"

    return lambda: asyncio.to_thread(ask)
