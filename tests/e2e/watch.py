"""Follows `email.events` and folds it with the demo's independent fold, so that a test can ask how far things are."""

import json
import threading
import uuid
from collections import Counter

from confluent_kafka import Consumer, TopicPartition

from cli.demo.fold import Story, fold
from shared.topics import EVENTS


class LogWatcher:
    """Reads all committed facts in a thread of its own, each as soon as it is there."""

    def __init__(self, kafka: str) -> None:
        self._values: list[bytes] = []
        self._stories: dict[str, Story] = {}
        self._folded = 0
        self._closing = threading.Event()
        self._consumer = Consumer(
            {
                "bootstrap.servers": kafka,
                "group.id": f"watch-{uuid.uuid4()}",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "log_level": 2,
            }
        )
        numbers = self._consumer.list_topics(EVENTS.name, timeout=20).topics[EVENTS.name].partitions
        self._consumer.assign([TopicPartition(EVENTS.name, number, 0) for number in numbers])
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while not self._closing.is_set():
            first = self._consumer.poll(0.05)
            for message in [first, *self._consumer.consume(2000, 0)] if first is not None else []:
                value = message.value()
                if message.error() is None and value is not None:
                    self._values.append(value)
        self._consumer.close()

    def stories(self) -> dict[str, Story]:
        """Every email's story so far."""
        end = len(self._values)
        fold(self._values[self._folded : end], self._stories)
        self._folded = end
        return self._stories

    def statuses(self, batches: set[str]) -> Counter[str]:
        """Emails per status in these batches."""
        return Counter(story.status for story in self.stories().values() if story.batch_id in batches)

    def of_batch(self, batch_id: str) -> list[str]:
        """The types of the facts about a batch itself, in their order, each as often as it was written."""
        facts = [json.loads(value) for value in list(self._values) if batch_id.encode() in value]
        return [fact["type"] for fact in facts if fact["type"].startswith("email.batch.")]

    def close(self) -> None:
        """Stop reading."""
        self._closing.set()
        self._thread.join(10)
