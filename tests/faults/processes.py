"""The lab's hands: kills, freezes, stops and starts the parts of a stack, as a crash, an operator or a host would."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace

from cli.errors import CommandError
from cli.stack.part import Part, Readiness, answers_http
from cli.stack.ports import free_port
from cli.stack.programs import service_part
from cli.stack.stack import Stack
from cli.stack.supervisor import Supervisor
from tests.faults.brokers import Brokers
from tests.faults.failing import Failing
from tests.servers import LoopThread

START_SECONDS = 90.0


class Processes:
    """The services and PostgreSQL by name, the brokers, and further senders. Called from any thread.

    Nothing comes back by itself: what was killed is started by whoever killed it, at once and without back-off.
    """

    def __init__(self, stack: Stack, brokers: Brokers, thread: LoopThread) -> None:
        self._stack, self._brokers, self._thread = stack, brokers, thread
        self._extra = Supervisor(logs=stack.data / "logs", say=lambda _: None)
        self._altered: dict[str, Part] = {}

    def pid(self, name: str) -> int:
        """The process of a part, which leads a process group of its own."""
        pid = self._pid(name)
        assert pid is not None, f"{name} does not run"
        return pid

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a part and its children, at once."""
        os.killpg(self.pid(name), number)

    def kill(self, name: str) -> None:
        """kill -9, and leave it dead; it may be dead already."""
        while (pid := self._pid(name)) is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
            time.sleep(0.002)  # until its end has been seen
        self.stop(name)

    def stop(self, name: str) -> None:
        """Stop a part in good order, and leave it stopped."""
        if name.startswith("broker"):
            self._thread.run(self._brokers.stop(_node(name)))
        else:
            self._thread.run((self._extra if name in self._altered else self._stack).stop(name))

    def start(self, name: str) -> None:
        """Start a part that is down, again and again as an init system does, until it serves."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                return self._start(name)
            except CommandError:
                self.stop(name)
                if time.monotonic() > deadline:
                    raise

    def restart(self, name: str) -> None:
        """kill -9 and start."""
        self.kill(name)
        self.start(name)

    def configure(self, settings: Mapping[str, str]) -> None:
        """Restart the sender in good order with other settings; they stay until the next call."""
        self.stop("sender")
        self._stack.environment |= settings
        self.start("sender")

    @contextlib.contextmanager
    def frozen(self, name: str) -> Iterator[None]:
        """SIGSTOP, and SIGCONT at the end."""
        self.signal(name, signal.SIGSTOP)
        try:
            yield
        finally:
            self.signal(name, signal.SIGCONT)

    @contextlib.contextmanager
    def another_sender(
        self, name: str, *, settings: Mapping[str, str] | None = None, options: tuple[str, ...] | None = None
    ) -> Iterator[None]:
        """A further sender beside (or, when `sender` is stopped, instead of) the stack's; stopped at the end.

        `options` make it one of `tests.faults.altered_sender`.
        """
        self._altered[name] = self._sender_part(name, settings or {}, options)
        try:
            self.start(name)
            yield
        finally:
            self.stop(name)
            del self._altered[name]

    def start_in_any_order(self, names: list[str]) -> None:
        """Start them one after the other without waiting for any; returns when all serve."""
        threads = [Failing(lambda name=name: self.start(name)) for name in names]  # type: ignore[misc]
        for thread in threads:
            thread.start()
            time.sleep(0.3)  # the order is the point: each has begun before the next one does
        for thread in threads:
            thread.join()

    def close(self) -> None:
        """Stop the further senders."""
        self._thread.run(self._extra.stop(*self._altered))

    def _pid(self, name: str) -> int | None:
        if name.startswith("broker"):
            return self._brokers.pid(_node(name))
        return (self._extra if name in self._altered else self._stack)[name].pid

    def _start(self, name: str) -> None:
        if name.startswith("broker"):
            self._thread.run(self._brokers.start(_node(name)))
        elif name in self._altered:
            self._thread.run(self._extra.start(self._altered[name]))
        else:
            self._thread.run(self._stack.start(name))

    def _sender_part(self, name: str, settings: Mapping[str, str], options: tuple[str, ...] | None) -> Part:
        port = free_port()
        environment = {**self._stack.environment, **settings} | {"POSTLOG_SENDER_PORT": str(port)}
        part = service_part("sender", port=port, environment=environment)
        command = part.command if options is None else (part.command[0], "-m", "tests.faults.altered_sender", *options)
        return replace(part, name=name, command=command, ready=_either(part.ready, answers_http(port + 1, "/readyz")))


def _either(first: Readiness, second: Readiness) -> Readiness:
    """A sender adds the number of its slot to its port, and the slot is the first that is free: 0 or 1."""

    async def ready() -> str | None:
        return await first() and await second()

    return ready


def _node(broker: str) -> int:
    return int(broker.partition("-")[2] or 0)
