"""Garbage on the small topics: strangers' is told, our own producers' stops the sender after the limit (P13)."""

import time
from collections.abc import Callable, Iterator

import pytest
from confluent_kafka import Message

from services.api.domain.templates import deleted, pointer_to
from services.sender.adapters.tables import Tables
from services.sender.handlers.reports import Reports
from shared.commands import SendEmail
from shared.ids import new_id
from shared.kafka import config
from shared.kafka.admin import ensure_topics
from shared.kafka.dead_letter import DeadLetterLimit, TooManyDeadLetters
from shared.kafka.producer import FutureProducer, Headers
from shared.records import TemplateVersion, encode
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


def test_a_deleted_template_still_makes_the_mail_accepted_with_it(
    settings: KafkaSettings, producer: FutureProducer, tables: Tables
) -> None:
    version = TemplateVersion(tenant="default", name="hello", version=1, subject="s", text="t")
    for key, value in (("default/hello/1", version), ("default/hello", pointer_to(version))):
        producer.send(settings.topic(TEMPLATES.name), key=key.encode(), value=encode(value), headers=OURS).result(20)
    gone = encode(deleted(version))
    producer.send(settings.topic(TEMPLATES.name), key=b"default/hello", value=gone, headers=OURS).result(20)
    reports = Reports(settings, producer, limit=DeadLetterLimit(LIMIT))
    later = Tables(settings, unreadable=reports.unreadable)  # a sender that starts after the deletion
    later.start(timeout=20)
    asked = SendEmail(sender="a@acme.test", to="b@example.org", template="hello", email_id=new_id())
    for each in (tables, later):
        each.catch_up_with_templates()
        assert each.template(asked) == each.version("default", "hello", 1) == version
    later.close()
