"""Transactions in a line, and members of a consumer group, for tests."""

import time
from typing import Any

from confluent_kafka import Consumer, TopicPartition

from shared.kafka import config
from shared.kafka.producer import TransactionalProducer
from shared.settings import KafkaSettings
from shared.topics import EVENTS, REQUESTS
from tests.logs import read


def transactional(settings: KafkaSettings, *, name: str = "tx", timeout: float = 10) -> TransactionalProducer:
    """A producer with an id of this test's own."""
    made = config.transactional(settings, transactional_id=settings.topic(name))
    return TransactionalProducer(made, timeout=timeout)


def add(producer: TransactionalProducer, settings: KafkaSettings, value: bytes) -> None:
    """Add a record of `email.events`."""
    producer.produce(settings.topic(EVENTS.name), key=b"k", value=value)


def values(settings: KafkaSettings, *, committed: bool = True) -> list[bytes | None]:
    """What stands in `email.events`."""
    return [message.value() for message in read(settings, EVENTS.name, committed=committed)]


class Member:
    """A member of a consumer group of `email.requests`, with the metadata captured at its last assignment."""

    def __init__(self, settings: KafkaSettings, *, instance: str) -> None:
        static = {"group.instance.id": instance, "session.timeout.ms": 6000}
        self.consumer = Consumer(config.consumer(settings, group_id=settings.topic("group")) | static)
        self.metadata: Any = None
        self.assignments: list[list[int]] = []
        self.consumer.subscribe([settings.topic(REQUESTS.name)], on_assign=self._assigned)

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self.metadata = consumer.consumer_group_metadata()
        self.assignments.append(sorted(partition.partition for partition in partitions))

    def joins(self, *others: "Member") -> None:
        """Poll until this member has an assignment (and the others take part in the rebalance)."""
        seen, deadline = len(self.assignments), time.monotonic() + 30
        while len(self.assignments) == seen:
            assert time.monotonic() < deadline
            for member in (self, *others):
                member.consumer.poll(0.05)

    def polls(self, *, seconds: float) -> None:
        """Poll for so long."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.consumer.poll(0.05)
