"""A small topic as a table, on real Kafka: whole, followed, and honest about its age."""

import json
import time
from collections.abc import Callable, Iterator

import pytest
from confluent_kafka import Message

from shared.kafka import config
from shared.kafka.admin import ensure_topics
from shared.kafka.producer import FutureProducer, TransactionalProducer
from shared.kafka.table import TopicTable
from shared.settings import KafkaSettings
from shared.topics import PERSONAL, SUPPRESSIONS

pytestmark = pytest.mark.integration


class Copy:
    """A table into a dict, and what could not be read."""

    def __init__(self, settings: KafkaSettings, *, topic: str = SUPPRESSIONS.name, uncommitted: bool = False) -> None:
        self.rows: dict[str, object] = {}
        self.unreadable: list[tuple[int | None, str]] = []
        self.table = TopicTable(
            settings, topic=topic, apply=self._apply, unreadable=self._bury, uncommitted=uncommitted
        )

    def _apply(self, key: str, value: bytes | None) -> None:
        if value is None:
            self.rows.pop(key, None)
        else:
            self.rows[key] = json.loads(value)

    def _bury(self, message: Message, reason: str) -> None:
        self.unreadable.append((message.offset(), reason))


@pytest.fixture
def start() -> Iterator[Callable[..., Copy]]:
    copies: list[Copy] = []

    def make(settings: KafkaSettings, **options: object) -> Copy:
        copies.append(Copy(settings, **options))  # type: ignore[arg-type]
        copies[-1].table.start(timeout=20)
        return copies[-1]

    yield make
    for copy in copies:
        copy.table.close()


@pytest.fixture
def producer(settings: KafkaSettings) -> Iterator[FutureProducer]:
    producer = FutureProducer(config.producer(settings))
    yield producer
    producer.close()


def put(producer: FutureProducer, settings: KafkaSettings, key: bytes, value: bytes | None) -> None:
    producer.send(settings.topic(SUPPRESSIONS.name), key=key, value=value).result(20)


def test_it_holds_what_stood_in_the_topic_and_follows(
    settings: KafkaSettings, producer: FutureProducer, start: Callable[..., Copy]
) -> None:
    for number in range(1000):
        producer.send(settings.topic(SUPPRESSIONS.name), key=b"%d" % (number % 100), value=b"%d" % number)
    put(producer, settings, b"7", None)
    copy = start(settings)
    assert copy.rows == {str(number % 100): number for number in range(900, 1000) if number != 907}
    put(producer, settings, b"7", b"1007")
    assert copy.table.catch_up(timeout=10) and copy.rows["7"] == 1007


def test_an_empty_topic_is_current_at_once(settings: KafkaSettings, start: Callable[..., Copy]) -> None:
    copy = start(settings)
    assert copy.rows == {} and copy.table.age() < 5


def test_all_partitions_are_read(settings: KafkaSettings, producer: FutureProducer, start: Callable[..., Copy]) -> None:
    for number in range(60):
        producer.send(settings.topic(PERSONAL.name), key=b"%d" % number, value=b"0", partition=number % 3).result(10)
    assert len(start(settings, topic=PERSONAL.name).rows) == 60


def test_what_cannot_be_read_is_handed_on_and_stops_nothing(
    settings: KafkaSettings, producer: FutureProducer, start: Callable[..., Copy]
) -> None:
    bad = [b"\xff", b"", b"[" * 100_000, b"x" * 990_000]
    for value in bad:
        put(producer, settings, b"k", value)
    put(producer, settings, b"\xff\xfe", b"1")
    put(producer, settings, b"good", b"1")
    copy = start(settings)
    assert copy.rows == {"good": 1}
    assert [offset for offset, _ in copy.unreadable] == [0, 1, 2, 3, 4]
    assert all(reason for _, reason in copy.unreadable)


def test_an_open_transaction_is_waited_for_by_one_kind_of_reader_and_seen_by_the_other(
    settings: KafkaSettings, start: Callable[..., Copy]
) -> None:
    committed, uncommitted = start(settings), start(settings, uncommitted=True)
    made = config.transactional(settings, transactional_id=settings.topic("tx")) | {"transaction.timeout.ms": 60_000}
    producer = TransactionalProducer(made)
    producer.begin()
    producer.produce(settings.topic(SUPPRESSIONS.name), key=b"k", value=b"1")
    until(lambda: uncommitted.table.catch_up(timeout=10) and uncommitted.rows == {"k": 1})
    assert committed.rows == {}
    producer.commit()
    until(lambda: committed.table.catch_up(timeout=10) and committed.rows == {"k": 1})


def test_an_aborted_record_keeps_no_copy_from_being_current(
    settings: KafkaSettings, start: Callable[..., Copy]
) -> None:
    committed, uncommitted = start(settings), start(settings, uncommitted=True)
    producer = TransactionalProducer(config.transactional(settings, transactional_id=settings.topic("tx")))
    producer.begin()
    producer.produce(settings.topic(SUPPRESSIONS.name), key=b"k", value=b"1")
    until(lambda: uncommitted.table.catch_up(timeout=10) and uncommitted.rows == {"k": 1})
    producer.abort()
    assert committed.table.catch_up(timeout=10) and uncommitted.table.catch_up(timeout=10)
    assert (committed.rows, uncommitted.rows) == ({}, {"k": 1})


def test_it_stays_current_while_nothing_happens(settings: KafkaSettings, start: Callable[..., Copy]) -> None:
    copy = start(settings)
    ages = []
    for _ in range(40):
        time.sleep(0.05)
        ages.append(copy.table.age())
    assert sorted(ages)[len(ages) // 2] < 1, "mail would wait (rule 10)"


def test_a_topic_that_is_missing_is_waited_for_and_never_made(kafka_url: str, topic_prefix: str) -> None:
    settings = KafkaSettings(kafka_bootstrap_servers=kafka_url, topic_prefix=topic_prefix)
    copy = Copy(settings)
    with pytest.raises(TimeoutError, match=r"email\.suppressions could not be read"):
        copy.table.start(timeout=0.5)
    assert copy.table.age() == float("inf")
    ensure_topics(settings)
    assert copy.table.catch_up(timeout=20)
    copy.table.close()


def test_what_apply_did_not_expect_reaches_whoever_asks(settings: KafkaSettings, producer: FutureProducer) -> None:
    def broken(key: str, value: bytes | None) -> None:
        raise ZeroDivisionError("a bug")

    put(producer, settings, b"k", b"1")
    table = TopicTable(settings, topic=SUPPRESSIONS.name, apply=broken)
    with pytest.raises(ZeroDivisionError, match="a bug"):
        table.start(timeout=20)
    table.close()


def test_without_a_place_for_unreadable_records_they_are_passed_over(
    settings: KafkaSettings, producer: FutureProducer
) -> None:
    def never(key: str, value: bytes | None) -> None:
        raise ValueError("no")

    put(producer, settings, b"k", b"1")
    table = TopicTable(settings, topic=SUPPRESSIONS.name, apply=never)
    table.start(timeout=20)
    table.close()


def until(condition: Callable[[], bool], *, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.02)
