"""Rendering of users' templates in child processes: never a hung worker, whatever the template does."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from shared.records import TemplateVersion
from shared.rendering import frames
from shared.rendering.frames import LENGTH, OUT_OF_MEMORY, Answer, Request

START_LIMIT: Final = 30.0  # seconds for a child to be ready
EXIT_LIMIT: Final = 1.0  # seconds between a child's last word and its end


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """The content of one email."""

    subject: str
    html: str | None = None
    text: str | None = None


class RenderingFailed(Exception):
    """The template cannot be rendered with these variables; the message says why and holds no value of them."""


class RendererDown(Exception):
    """No child comes up: nobody's template is to blame, and the email can wait."""


class _Stopped(Exception):
    """The child has ended while it rendered, and not by one of our limits."""


class Renderer:
    """`workers` children, each with at most `memory_mb` MiB and `time_limit` seconds for one email."""

    def __init__(self, *, workers: int = 1, time_limit: float = 2.0, memory_mb: int = 512) -> None:
        self._workers = workers
        self._time_limit = time_limit
        self._memory_mb = memory_mb
        self._free: asyncio.LifoQueue[_Child] = asyncio.LifoQueue()
        self._all: set[_Child] = set()

    def start(self) -> None:
        """Start the children; returns before they are ready."""
        for _ in range(self._workers):
            self._free.put_nowait(self._new_child())

    def close(self) -> None:
        """End the children."""
        for child in self._all:
            child.kill()
        self._all.clear()

    async def render(self, template: TemplateVersion, variables: Mapping[str, Any]) -> Rendered:
        """The content for one email.

        Raises `RenderingFailed` for what the template's author or caller got wrong, else `RendererDown`.
        """
        frame = self._frame(template, variables)
        try:
            return await self._ask(frame)
        except _Stopped:
            pass  # killed from outside: once more, on a new child
        try:
            return await self._ask(frame)
        except _Stopped:
            raise RenderingFailed("its rendering process was killed twice") from None

    def _frame(self, template: TemplateVersion, variables: Mapping[str, Any]) -> bytes:
        request = Request(
            tenant=template.tenant,
            name=template.name,
            version=template.version,
            subject=template.subject,
            html=template.html,
            text=template.text,
            variables=dict(variables),
            cpu_seconds=self._time_limit,
        )
        try:
            return frames.frame(request)
        except (TypeError, ValueError, OverflowError, RecursionError):
            raise RenderingFailed("a variable cannot be given to a template") from None

    async def _ask(self, frame: bytes) -> Rendered:
        child = await self._free.get()
        kept = False
        try:
            found = await self._answer(child, frame)
            kept = True
        finally:
            self._free.put_nowait(child if kept else self._replaced(child))
        if found.failure is not None:
            raise RenderingFailed(found.failure)
        return Rendered(subject=found.subject, html=found.html, text=found.text)

    async def _answer(self, child: "_Child", frame: bytes) -> Answer:
        await child.ready()
        try:
            async with asyncio.timeout(self._time_limit):
                return frames.answer(await child.exchange(frame))
        except TimeoutError:
            raise RenderingFailed(f"it takes longer than {self._time_limit:g} s") from None
        except ConnectionError:
            raise self._explained(child.exit_code()) from None

    def _explained(self, code: int) -> Exception:
        if code == -signal.SIGXCPU:
            return RenderingFailed(f"it takes longer than {self._time_limit:g} s")
        if code == OUT_OF_MEMORY:
            return RenderingFailed(f"it needs more than {self._memory_mb} MiB of memory")
        return _Stopped()

    def _new_child(self) -> "_Child":
        child = _Child(memory_mb=self._memory_mb)
        self._all.add(child)
        return child

    def _replaced(self, child: "_Child") -> "_Child":
        child.kill()
        self._all.discard(child)
        return self._new_child()


class _Child:
    """One child process, without our environment: a way out of the sandbox would find no secrets in it."""

    def __init__(self, *, memory_mb: int) -> None:
        ours, theirs = socket.socketpair()
        path = os.pathsep.join(entry for entry in sys.path if entry)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 (our own module)
                [sys.executable, "-P", "-m", "shared.rendering.child", str(memory_mb)],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                env={"PYTHONPATH": path, "PYTHONHASHSEED": "0", "PYTHONUTF8": "1"},
            )
        ours.setblocking(False)
        self._channel = ours
        self._ready = False

    async def ready(self) -> None:
        """Wait until it takes requests; raises `RendererDown` when it does not come up."""
        if not self._ready:
            try:
                async with asyncio.timeout(START_LIMIT):
                    await self._receive(LENGTH.size)
            except (TimeoutError, ConnectionError):
                raise RendererDown("the rendering process does not start") from None
            self._ready = True

    async def exchange(self, frame: bytes) -> bytes:
        """Send a request; its answer. Raises ConnectionError when the child ends."""
        await asyncio.get_running_loop().sock_sendall(self._channel, frame)
        (size,) = LENGTH.unpack(await self._receive(LENGTH.size))
        return await self._receive(size)

    async def _receive(self, size: int) -> bytes:
        loop, found = asyncio.get_running_loop(), bytearray()
        while len(found) < size:
            more = await loop.sock_recv(self._channel, size - len(found))
            if not more:
                raise ConnectionError("the child has ended")
            found += more
        return bytes(found)

    def exit_code(self) -> int:
        """How it ended, after it has closed the channel."""
        try:
            return self._process.wait(EXIT_LIMIT)
        except subprocess.TimeoutExpired:
            self.kill()
            return self._process.returncode

    def kill(self) -> None:
        """End it, if it has not ended."""
        self._process.kill()
        self._process.wait()
        self._channel.close()
