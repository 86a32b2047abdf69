"""Follows `email.events`: of each fact its kind, the owner's time and the broker's, and nothing more in memory."""

import sys
import threading
import uuid
from collections import Counter
from datetime import datetime
from typing import NamedTuple

import msgspec
from confluent_kafka import Consumer, Message, TopicPartition


class Told(NamedTuple):
    """A fact. Times are seconds of the epoch; `until` is a fact's send_at or retry_at."""

    kind: str
    occurred_at: float
    logged_at: float
    partition: int
    until: float


class _Fact(msgspec.Struct):
    type: str
    occurred_at: datetime
    email_id: str = ""
    send_at: datetime | None = None
    retry_at: datetime | None = None


_decode = msgspec.json.Decoder(_Fact).decode


class Log:
    """Reads all committed facts in a thread of its own."""

    def __init__(self, kafka: str, topic: str) -> None:
        self.about: dict[str, list[Told]] = {}
        self.kinds: Counter[str] = Counter()
        self._closing = threading.Event()
        self._consumer = Consumer(
            {"bootstrap.servers": kafka, "group.id": f"scale-{uuid.uuid4()}", "enable.auto.commit": False}
            | {"isolation.level": "read_committed", "reconnect.backoff.max.ms": 1000, "log_level": 2}
        )
        numbers = self._consumer.list_topics(topic, timeout=20).topics[topic].partitions
        self._consumer.assign([TopicPartition(topic, number, 0) for number in numbers])
        self._thread = threading.Thread(target=self._read, name="log", daemon=True)
        self._thread.start()

    def kinds_of(self, email_id: str) -> list[str]:
        """The kinds of an email's facts, in order, without `email.`."""
        return [told.kind for told in self.about.get(email_id, ())]

    def close(self) -> None:
        """Stop reading."""
        self._closing.set()
        self._thread.join(10)

    def _read(self) -> None:
        while not self._closing.is_set():
            for message in self._consumer.consume(2000, 0.05):
                if message.error() is None:
                    self._note(message)
        self._consumer.close()

    def _note(self, message: Message) -> None:
        fact = _decode(message.value() or b"")
        kind = sys.intern(fact.type.removeprefix("email."))
        until = fact.send_at or fact.retry_at
        told = Told(
            kind,
            fact.occurred_at.timestamp(),
            message.timestamp()[1] / 1000,
            message.partition() or 0,
            until.timestamp() if until else 0.0,
        )
        self.about.setdefault(fact.email_id, []).append(told)
        self.kinds[kind] += 1
