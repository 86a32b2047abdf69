"""Starts parts, watches them, starts a crashed one again with back-off, stops all in reverse order."""

import asyncio
import time
from asyncio.subprocess import Process
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cli.errors import CommandError
from cli.stack.part import Part
from cli.stack.process import describe_exit, end, kill_group, last_lines, spawn

FIRST_PAUSE: Final = 0.5  # seconds before a crashed part is started again; doubles each time
LONGEST_PAUSE: Final = 30.0
STEADY: Final = 60.0  # seconds of life after which a crash counts as the first
POLL: Final = 0.05

Say = Callable[[str], None]


def next_pause(before: float, *, lived: float) -> float:
    """Seconds to wait before starting again, after a pause of `before` and a life of `lived` seconds."""
    return FIRST_PAUSE if lived > STEADY or not before else min(before * 2, LONGEST_PAUSE)


class Supervised:
    """One part and the process that it is now."""

    def __init__(self, part: Part, *, log: Path, say: Say) -> None:
        self.part, self.log = part, log
        self._say = say
        self._process: Process | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._serving = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """The id of the running process; None while there is none."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def start(self) -> None:
        """Prepare, start, wait until it serves; raises CommandError with the end of its log when it does not."""
        began = time.monotonic()
        await self.part.prepare()
        await self._launch()
        self._watcher = asyncio.create_task(self._watch(), name=f"watch {self.part.name}")
        self._say(f"{self.part.name:<10} ready in {time.monotonic() - began:4.1f} s   {self.part.address}")

    async def stop(self) -> None:
        """End it for certain: asked first, killed when its time is over."""
        if self._watcher:
            self._watcher.cancel()
            await asyncio.gather(self._watcher, return_exceptions=True)
        self._serving.clear()
        if self._process:
            await end(self._process, with_signal=self.part.stop_signal, seconds=self.part.stop_seconds)

    def kill(self) -> None:
        """SIGKILL, as a crash would be; it is started again."""
        if self._process:
            self._serving.clear()
            kill_group(self._process)

    async def serving(self) -> None:
        """Wait until it serves (again)."""
        await self._serving.wait()

    async def _launch(self) -> None:
        self._process = await spawn(self.part.command, environment=self.part.environment, log=self.log)
        missing: str | None = None
        try:
            async with asyncio.timeout(self.part.start_seconds):
                while missing := await self.part.ready():
                    self._must_live(self._process)
                    await asyncio.sleep(POLL)
        except TimeoutError:
            raise self._failure(f"is not ready after {self.part.start_seconds:g} s: {missing}") from None
        self._must_live(self._process)
        self._serving.set()

    def _must_live(self, process: Process) -> None:
        if process.returncode is not None:
            raise self._failure(f"ended with {describe_exit(process.returncode)} before it was ready")

    def _failure(self, what: str) -> CommandError:
        return CommandError(f"{self.part.name} {what}\nthe end of {self.log}:\n{last_lines(self.log)}")

    async def _watch(self) -> None:
        pause = 0.0
        while self._process:
            began = time.monotonic()
            code = await self._process.wait()
            self._serving.clear()
            pause = next_pause(pause, lived=time.monotonic() - began)
            self._say(f"{self.part.name} crashed ({describe_exit(code)}): starting again in {pause:g} s   {self.log}")
            await asyncio.sleep(pause)
            await self._launch_again()

    async def _launch_again(self) -> None:
        try:
            await self._launch()
        except CommandError as error:
            self._say(str(error).splitlines()[0])
            self.kill()
        else:
            self._say(f"{self.part.name} is back")


class Supervisor:
    """The parts that run, in the order in which they were started."""

    def __init__(self, *, logs: Path, say: Say) -> None:
        self._logs, self._say = logs, say
        self._running: dict[str, Supervised] = {}

    def __getitem__(self, name: str) -> Supervised:
        """The part of that name; KeyError when it was not started here."""
        return self._running[name]

    async def start(self, *parts: Part) -> None:
        """Start the parts side by side and wait until all serve."""
        started = [Supervised(part, log=self._logs / f"{part.name}.log", say=self._say) for part in parts]
        self._running |= {one.part.name: one for one in started}
        try:
            async with asyncio.TaskGroup() as group:
                for one in started:
                    group.create_task(one.start())
        except* CommandError as failures:
            raise failures.exceptions[0] from None

    async def stop(self, *names: str) -> None:
        """Stop these side by side."""
        await asyncio.gather(*(self._running.pop(name).stop() for name in names if name in self._running))
