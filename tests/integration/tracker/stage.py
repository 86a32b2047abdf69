"""A tracker as a process of its own, tokens for it, and what it wrote to Kafka."""

import http.client
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from confluent_kafka import Message

from cli.stack.ports import HOST, free_port
from shared.events import Event, codec
from shared.ids import new_id
from shared.kafka.admin import ensure_topics
from shared.settings import KafkaSettings
from shared.tokens import EmailToken, Keys, TokenKind
from shared.topics import EVENTS
from tests.logs import read

TOKEN_KEYS = "1:" + "ab" * 32
KEYS = Keys.parse(TOKEN_KEYS)


def a_token(**changes: Any) -> EmailToken:
    """What a token of a new email says."""
    usual: dict[str, Any] = {
        "email_id": new_id().bytes,
        "tenant": "default",
        "stream": "broadcast",
        "recipient_ref": secrets.token_hex(16),
        "recipient_domain": "example.org",
    }
    return EmailToken(**usual | changes)


def path_of(kind: TokenKind, token: EmailToken) -> str:
    """The path of the link with that token."""
    return f"/{kind[0]}/{KEYS.sign(kind, token)}"


def forged(path: str) -> str:
    """The same with one character changed."""
    at = len(path) // 2
    return path[:at] + ("A" if path[at] != "A" else "B") + path[at + 1 :]


class Answer:
    """Status, headers and body."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()


class Tracker:
    """`postlog serve tracker` on a port of its own. `start` waits until it answers."""

    def __init__(self, kafka: str, topic_prefix: str, folder: Path, **settings: str) -> None:
        self.port = free_port()
        self.spool = folder / "spool"
        self._log = folder / "log"
        self._environment = {
            "PATH": os.environ["PATH"],
            "KAFKA_BOOTSTRAP_SERVERS": kafka,
            "POSTLOG_TOPIC_PREFIX": topic_prefix,
            "POSTLOG_PARTITIONS": "3",
            "POSTLOG_TOKEN_KEYS": TOKEN_KEYS,
            "POSTLOG_TRACKER_PORT": str(self.port),
            "POSTLOG_SPOOL_DIR": str(self.spool),
            **settings,
        }
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self.kill()

    def start(self) -> None:
        """Start it (again)."""
        with self._log.open("ab") as log:
            command = [sys.executable, "-m", "cli.main", "serve", "tracker"]
            self._process = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log)
        wait_until(self._answers)

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(20)
        self._process = None
        return code

    def kill(self) -> None:
        """SIGKILL."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(20)
        self._process = None

    def log(self) -> str:
        """What it logged."""
        return self._log.read_text()

    def spooled(self) -> int:
        """Bytes on disk that wait for Kafka."""
        return sum(file.stat().st_size for file in self.spool.glob("*.spool"))

    def ask(self, path: str, method: str = "GET", **options: Any) -> Answer:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=20)
        try:
            connection.request(method, path, **options)
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log()
        try:
            return self.ask("/healthz").status == 200
        except OSError:
            return False


class Log:
    """What stands in the topics of one test."""

    def __init__(self, kafka: str, topic_prefix: str) -> None:
        self.settings = KafkaSettings(kafka_bootstrap_servers=kafka, topic_prefix=topic_prefix, partitions=3)
        ensure_topics(self.settings)

    def records(self, topic: str = EVENTS.name) -> list[Message]:
        """All records of a topic."""
        return read(self.settings, topic)

    def events(self) -> list[Event]:
        """All events."""
        return [codec.decode(record.value()) for record in self.records()]

    def wait_for(self, number: int) -> list[Event]:
        """All events, as soon as there are so many."""
        found: list[Event] = []

        def enough() -> bool:
            found[:] = self.events()
            return len(found) >= number

        wait_until(enough)
        return found


def wait_until(condition: Callable[[], bool], *, seconds: float = 30) -> None:
    """Come back as soon as the condition holds; fail when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.02)
