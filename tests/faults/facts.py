"""Follows `email.events` as plain JSON, by the demo's fold, which shares no code with the product."""

import json
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterable

from confluent_kafka import Consumer, TopicPartition

from cli.demo.fold import ENDS, Story
from shared.topics import EVENTS

FINAL = frozenset(ENDS.values())


class Facts:
    """Reads all committed facts in a thread of its own, each event once."""

    def __init__(self, kafka: str) -> None:
        self.stories: dict[str, Story] = {}
        self.kinds: Counter[str] = Counter()
        self._seen: set[str] = set()
        self._closing = threading.Event()
        self._consumer = Consumer(
            {
                "bootstrap.servers": kafka,
                "group.id": f"lab-{uuid.uuid4()}",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "reconnect.backoff.max.ms": 1000,
                "log_level": 2,
            }
        )
        numbers = self._consumer.list_topics(EVENTS.name, timeout=20).topics[EVENTS.name].partitions
        self._consumer.assign([TopicPartition(EVENTS.name, number, 0) for number in numbers])
        self._thread = threading.Thread(target=self._read, name="facts", daemon=True)
        self._thread.start()

    def settled(self, email_ids: Iterable[str]) -> list[str]:
        """Those of the emails that are final by now."""
        return [email_id for email_id in email_ids if self.status(email_id) in FINAL]

    def status(self, email_id: str) -> str:
        """An email's status; empty while the log has nothing about it."""
        story = self.stories.get(email_id)
        return story.status if story else ""

    def close(self) -> None:
        """Stop reading."""
        self._closing.set()
        self._thread.join(10)

    def _read(self) -> None:
        while not self._closing.is_set():
            for message in self._consumer.consume(2000, 0.05):
                value = message.value()
                if message.error() is None and value is not None:
                    self._fold(value)
        self._consumer.close()

    def _fold(self, value: bytes) -> None:
        event = json.loads(value)
        if event["event_id"] in self._seen:
            return
        self._seen.add(event["event_id"])
        self.kinds[event["type"]] += 1
        if "email_id" in event:
            event["seen_at"] = time.monotonic()
            self.stories.setdefault(event["email_id"], Story(event["email_id"])).events.append(event)
