"""Where it runs: a Kafka that is given, topics of its own, senders as processes, a scripted SMTP server."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import httpx2

from cli.stack.ports import HOST, free_port
from shared import commands, records
from shared.commands import Command, SendEmail
from shared.ids import new_id
from shared.kafka import config
from shared.kafka.admin import ensure_topics
from shared.kafka.producer import FutureProducer
from shared.records import Control, control_key
from shared.settings import KafkaSettings
from shared.topics import CONTROLS, EVENTS, REQUESTS
from tests.faults.smtp_server import SmtpServer, Step
from tests.scale.log import Log
from tests.scale.pace import Pace

LEASE_SECONDS: Final = 5.0
CONNECTIONS: Final = 20
SETTINGS: Final = {
    "POSTLOG_TOKEN_KEYS": "1:" + "ab" * 32,
    "POSTLOG_RECIPIENT_KEY": "cd" * 32,
    "POSTLOG_DKIM": '[{"domain": "acme.test"}]',
    "POSTLOG_LEASE_SECONDS": f"{LEASE_SECONDS:g}",
    "POSTLOG_SMTP_CONNECTIONS": str(CONNECTIONS),
    "POSTLOG_DESTINATION_IN_FLIGHT": str(CONNECTIONS),
    "POSTLOG_TRANSACTIONAL_RETRY__FIRST_SECONDS": "0.5",
    "POSTLOG_TRANSACTIONAL_RETRY__CEILING_SECONDS": "2",
    "POSTLOG_TRANSACTIONAL_RETRY__IN_DOUBT_RETRIES": "1000",
    "POSTLOG_LOG_FORMAT": "json",
}
READY_SECONDS: Final = 600.0


async def forgetful(step: Step) -> None:
    """The play of a server that takes everything, and does not keep what the mails say."""
    if step.phase == "replied" and step.copy is not None:
        step.copy.source = b""


class Sender:
    """A sender as a process. With a pace its time of day runs fast."""

    def __init__(self, folder: Path, *, environment: dict[str, str], port: int, pace: Pace | None) -> None:
        self._folder, self._environment, self._port = folder, environment, port
        words: tuple[str, ...] = ("-c", "from services.sender.main import run; run()")
        if pace is not None:
            words = ("-m", "tests.scale.fast_sender", f"--since={pace.since!r}", f"--pace={pace.factor!r}")
        self._command = (sys.executable, *words)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Start it; returns after how many seconds it owned partitions."""
        began = time.monotonic()
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "log").open("ab") as log:
            self.process = subprocess.Popen(self._command, env=self._environment, stdout=log, stderr=log)
        while not self._ready():
            assert self.process.poll() is None, (self._folder / "log").read_text()[-3000:]
            assert time.monotonic() < began + READY_SECONDS, "the sender does not get ready"
            time.sleep(0.05)
        return time.monotonic() - began

    def kill(self) -> None:
        """kill -9."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM."""
        self._end(signal.SIGTERM)

    def forget(self) -> None:
        """Lose the disk: the cache files are gone."""
        shutil.rmtree(self._folder / "data", ignore_errors=True)

    def memory(self, name: str = "VmRSS") -> int:
        """Bytes that it has in memory now, or by another name of /proc's."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith(name)).split()[1]) * 1024

    def files(self) -> int:
        """Bytes of its cache files."""
        return sum(file.stat().st_size for file in (self._folder / "data").rglob("partition-*"))

    def _end(self, number: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(60)
            self.process = None

    def _ready(self) -> bool:
        try:
            return httpx2.get(f"http://{HOST}:{self._port}/readyz", timeout=3).status_code == 200
        except httpx2.TransportError:
            return False


class Place:
    """Commands go straight onto Kafka, facts are read from it; nothing else runs."""

    def __init__(self, kafka: str, folder: Path, *, prefix: str, partitions: int, parts: ExitStack) -> None:
        self.settings = KafkaSettings(kafka_bootstrap_servers=kafka, topic_prefix=prefix, partitions=partitions)
        ensure_topics(self.settings)
        self.folder, self._parts = folder, parts
        self._producer = FutureProducer(config.producer(self.settings))
        parts.callback(self._producer.close)
        self.server = parts.enter_context(SmtpServer())
        self.server.play = forgetful
        self.log = Log(kafka, self.settings.topic(EVENTS.name))
        parts.callback(self.log.close)

    def sender(self, name: str = "sender", *, pace: Pace | None = None, **settings: str) -> Sender:
        """A sender that is not started yet; it is killed at the end at the latest."""
        kept = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
        folder, port = self.folder / name, free_port()
        made = Sender(folder, environment=kept | self._told(folder, port) | settings, port=port, pace=pace)
        self._parts.callback(made.kill)
        return made

    def ask(self, asked: Iterable[Command]) -> None:
        """Put commands onto the request topic; returns when all are acknowledged."""
        topic = self.settings.topic(REQUESTS.name)
        sent = [
            self._producer.send(topic, key=str(each.email_id).encode(), value=commands.encode(each)) for each in asked
        ]
        for future in sent:
            future.result(60)

    def control(self, said: Control) -> None:
        """An operator's last word on something."""
        topic = self.settings.topic(CONTROLS.name)
        self._producer.send(topic, key=control_key(said).encode(), value=records.encode(said)).result(60)

    def until(self, look: Callable[[], bool], what: str, *, seconds: float) -> None:
        """Wait for a condition; AssertionError when it does not come about."""
        deadline = time.monotonic() + seconds
        while not look():
            assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s; facts: {dict(self.log.kinds)}"
            time.sleep(0.05)

    def _told(self, folder: Path, port: int) -> dict[str, str]:
        return SETTINGS | {
            "KAFKA_BOOTSTRAP_SERVERS": self.settings.kafka_bootstrap_servers,
            "POSTLOG_TOPIC_PREFIX": self.settings.topic_prefix,
            "POSTLOG_PARTITIONS": str(self.settings.partitions),
            "POSTLOG_SENDER_DATA": str(folder / "data"),
            "POSTLOG_SENDER_PORT": str(port),
            "POSTLOG_BLOB_URL": (folder / "blobs").absolute().as_uri(),
            "POSTLOG_SMTP_HOST": HOST,
            "POSTLOG_SMTP_PORT": str(self.server.port),
        }


@contextmanager
def a_place(kafka: str, folder: Path, *, prefix: str = "", partitions: int = 6) -> Iterator[Place]:
    """A place, cleared away at the end."""
    with ExitStack() as parts:
        yield Place(kafka, folder, prefix=prefix, partitions=partitions, parts=parts)


def an_email(number: int, **more: object) -> SendEmail:
    """A request; its recipient tells its number."""
    body = {"sender": "billing@acme.test", "to": f"n{number}@d{number % 50}.example", "subject": "Hello", "text": "Hi."}
    return SendEmail(**{"email_id": new_id(), **body, **more})  # type: ignore[arg-type]
