"""Garbage on the small topics: strangers' is told, our own producers' stops the sender after the limit (P13)."""

import time
from collections.abc import Callable, Iterator

import pytest
from confluent_kafka import Message

from services.sender.adapters.tables import Tables
from services.sender.handlers.reports import Reports
from shared.kafka import config
from shared.kafka.admin import ensure_topics
from shared.kafka.dead_letter import DeadLetterLimit, TooManyDeadLetters
from shared.kafka.producer import FutureProducer, Headers
from shared.settings import KafkaSettings
from shared.topics import CONTROLS, DEAD_LETTERS, SUPPRESSIONS, TEMPLATES, Topic
from tests.logs import read

pytestmark = pytest.mark.integration
LIMIT = 2
OURS: Headers = [("ce_source", b"/postlog/api")]


@pytest.fixture
def settings(kafka_url: str, topic_prefix: str) -> KafkaSettings:
    found = KafkaSettings(kafka_bootstrap_servers=kafka_url, topic_prefix=topic_prefix, partitions=2)
    ensure_topics(found)
    return found


@pytest.fixture
def producer(settings: KafkaSettings) -> Iterator[FutureProducer]:
    producer = FutureProducer(config.producer(settings))
    yield producer
    producer.close()


@pytest.fixture
def tables(settings: KafkaSettings, producer: FutureProducer) -> Iterator[Tables]:
    reports = Reports(settings, producer, limit=DeadLetterLimit(LIMIT))
    tables = Tables(settings, unreadable=reports.unreadable)
    tables.start(timeout=20)
    yield tables
    tables.close()


def garbage(settings: KafkaSettings, producer: FutureProducer, topic: Topic, headers: Headers, *, count: int) -> None:
    for _ in range(count):
        producer.send(settings.topic(topic.name), key=b"k", value=b"garbage", headers=headers).result(20)


def until(condition: Callable[[], bool], *, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)


def letters(settings: KafkaSettings) -> list[Message]:
    return read(settings, DEAD_LETTERS.name)


def test_strangers_stop_nothing(settings: KafkaSettings, producer: FutureProducer, tables: Tables) -> None:
    for topic in (TEMPLATES, SUPPRESSIONS, CONTROLS):
        garbage(settings, producer, topic, [], count=LIMIT + 1)
    until(lambda: len(letters(settings)) == 3 * (LIMIT + 1))
    until(tables.current)


@pytest.mark.parametrize("topic", [TEMPLATES, SUPPRESSIONS, CONTROLS], ids=lambda topic: topic.name)
def test_our_own_stop_it(settings: KafkaSettings, producer: FutureProducer, tables: Tables, topic: Topic) -> None:
    garbage(settings, producer, topic, OURS, count=LIMIT)
    until(lambda: len(letters(settings)) == LIMIT)
    until(tables.current)
    garbage(settings, producer, topic, OURS, count=1)
    until(lambda: stopped(tables))


def stopped(tables: Tables) -> bool:
    """Whether the owner's next look raises."""
    try:
        tables.current()
    except TooManyDeadLetters:
        return True
    return False
