"""The real servers that tests run against: given ones, else containers, else the embedded parts; started when asked."""

import asyncio
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from cli.stack.addresses import NOTHING_GIVEN
from cli.stack.stack import ANY_PORT, Stack
from tests.containers import docker_answers, kafka_container, postgres_container

T = TypeVar("T")


class Servers:
    """Kafka and PostgreSQL for one test session. `used` says what each one was."""

    def __init__(self) -> None:
        self.used: dict[str, str] = {}
        self._known: dict[str, str] = {}
        self._stop: list[Callable[[], object]] = []

    def kafka(self) -> str:
        """Bootstrap servers."""
        return self._find("kafka", variable="KAFKA_BOOTSTRAP_SERVERS", container=kafka_container)

    def postgres(self) -> str:
        """libpq URL; its role may create databases."""
        return self._find("postgres", variable="DATABASE_URL", container=postgres_container)

    def stop(self) -> None:
        """Stop what was started here."""
        while self._stop:
            self._stop.pop()()

    def _find(self, name: str, *, variable: str, container: Callable[[], tuple[str, Callable[[], object]]]) -> str:
        if name not in self._known:
            began = time.monotonic()
            if variable in os.environ:
                self._known[name], kind = os.environ[variable], f"{variable} from the environment"
            elif docker_answers():
                self._known[name], stop = container()
                self._stop.append(stop)
                kind = "testcontainers"
            else:
                self._known[name], kind = self._embedded(name), "embedded"
            self.used[name] = f"{kind}, ready in {time.monotonic() - began:.1f} s"
        return self._known[name]

    def _embedded(self, name: str) -> str:
        thread = LoopThread()
        data = Path(tempfile.mkdtemp(prefix=f"postlog-tests-{name}-"))
        stack = Stack(data, parts=[name], given=NOTHING_GIVEN, usual_ports=ANY_PORT, durable=False, say=lambda _: None)
        self._stop += [lambda: shutil.rmtree(data), thread.stop, lambda: thread.run(stack.__aexit__())]
        thread.run(stack.__aenter__())
        return stack.addresses.kafka if name == "kafka" else stack.addresses.database_url


class LoopThread:
    """An event loop in a thread of its own, for the supervisor to live in beside synchronous tests."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="servers", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run to the end in the loop; returns its result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def stop(self) -> None:
        """End the loop and its thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
