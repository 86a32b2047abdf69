"""What the log says of a run: how many were delivered, when, how long each took; whether the signatures are good."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import dkim
from confluent_kafka import Consumer, Message, Producer, TopicPartition

from cli.bench.mails import NAME, TENANT, request, template
from cli.errors import CommandError
from shared import records
from shared.topics import EVENTS, REQUESTS, REQUESTS_BULK, TEMPLATES

DELIVERED: Final = b'{"type":"email.delivered"'
IDLE_EMAILS: Final = 300


@dataclass(frozen=True)
class Latency:
    """From the request's record to the committed `email.delivered`, by the broker's clock; milliseconds."""

    p50: float
    p99: float

    @classmethod
    def of(cls, milliseconds: list[float]) -> "Latency":
        """Of all these."""
        ordered = sorted(milliseconds)
        return cls(ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)])


def publish_template(kafka: str) -> None:
    """Put the bench's template onto the log."""
    producer = Producer({"bootstrap.servers": kafka, "partitioner": "murmur2_random"})
    version, published = template()
    producer.produce(TEMPLATES.name, records.encode(version), f"{TENANT}/{NAME}/1")
    producer.produce(TEMPLATES.name, records.encode(published), f"{TENANT}/{NAME}")
    producer.flush()


class Log:
    """Follows `email.events`."""

    def __init__(self, kafka: str) -> None:
        self._common = {"bootstrap.servers": kafka, "group.id": "bench", "isolation.level": "read_committed"}
        self._events = self._follow(EVENTS.name)
        self._delivered_at: dict[bytes, int] = {}
        self._last = 0

    def await_delivered(self, count: int, patience: float) -> float:
        """Wait until so many were delivered; returns when the last one's fact was written (epoch seconds)."""
        deadline = time.monotonic() + patience
        while len(self._delivered_at) < count:
            self._read(1000, 0.1)
            if time.monotonic() > deadline:
                raise CommandError(f"only {len(self._delivered_at)} of {count} were delivered in time", exit_code=1)
        return self._last / 1000

    def latency(self, *, since: float) -> Latency:
        """Of all bulk requests made since then."""
        asked = self._asked(since)
        return Latency.of([self._delivered_at[key] - at for key, at in asked.items() if key in self._delivered_at])

    def idle_latency(self, kafka: str) -> Latency:
        """Of single requests, each sent when the one before has been delivered."""
        producer = Producer({"bootstrap.servers": kafka, "partitioner": "murmur2_random", "linger.ms": 0})
        taken: list[float] = []
        for number in range(IDLE_EMAILS):
            key, value = request(number, destinations=100, batch=None, stream="transactional")
            at: list[int] = []

            def told(_: object, message: Message, at: list[int] = at) -> None:
                at.append(message.timestamp()[1])

            producer.produce(REQUESTS.name, value, key, on_delivery=told)
            producer.flush()
            while key not in self._delivered_at:
                self._read(100, 0.005)
            taken.append(self._delivered_at[key] - at[0])
        return Latency.of(taken)

    def _read(self, most: int, wait: float) -> None:
        for message in self._events.consume(most, wait):
            if (message.value() or b"").startswith(DELIVERED):
                self._last = message.timestamp()[1]
                self._delivered_at[_key(message)] = self._last

    def _asked(self, since: float) -> dict[bytes, int]:
        consumer, found = self._follow(REQUESTS_BULK.name), dict[bytes, int]()
        while messages := consumer.consume(5000, 1.0):
            found |= {_key(message): message.timestamp()[1] for message in messages}
        consumer.close()
        return {key: at for key, at in found.items() if at >= since * 1000}

    def _follow(self, topic: str) -> Consumer:
        consumer = Consumer(self._common)
        numbers = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        consumer.assign([TopicPartition(topic, number, 0) for number in numbers])
        return consumer


def _key(message: Message) -> bytes:
    key = message.key() or b""
    return key if isinstance(key, bytes) else key.encode()


def verify(folder: Path, record: str) -> int:
    """How many of the kept mails bear a good signature; raises CommandError when one does not."""
    mails = sorted(folder.glob("*.eml"))
    for mail in mails:
        if not dkim.verify(mail.read_bytes(), dnsfunc=lambda *_, **__: record.encode()):
            raise CommandError(f"the signature of {mail.name} does not verify", exit_code=1)
    return len(mails)
