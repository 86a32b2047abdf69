"""The transactional producer on real Kafka: committed, aborted, fenced or unknown, and never anything between."""

import time
from uuid import uuid4

import pytest
from confluent_kafka import Consumer, KafkaException, TopicPartition

from shared.kafka import config
from shared.kafka.producer import Fenced, FutureProducer, TransactionalProducer, Unknown
from shared.settings import KafkaSettings
from shared.topics import EVENTS, REQUESTS
from tests.integration.shared.kafka.transactions import Member, add, transactional, values

pytestmark = pytest.mark.integration


def test_a_commit_shows_all_and_an_abort_nothing(settings: KafkaSettings) -> None:
    producer = transactional(settings)
    for value, end in ((b"committed", producer.commit), (b"aborted", producer.abort), (b"next", producer.commit)):
        producer.begin()
        add(producer, settings, value)
        end()
    assert values(settings) == [b"committed", b"next"]


def test_a_transaction_of_a_thousand_records_takes_milliseconds_not_a_back_off(settings: KafkaSettings) -> None:
    producer = transactional(settings)
    times = []
    for _ in range(20):
        began = time.monotonic()
        producer.begin()
        for _ in range(1000):
            add(producer, settings, b"v")
        producer.commit()
        times.append(time.monotonic() - began)
    assert min(times) < 0.09, "at the default retry.backoff.ms no transaction takes less than 95 ms"
    assert config.transactional(settings, transactional_id="x")["retry.backoff.ms"] < 5


def test_offsets_commit_with_the_records_or_not_at_all(settings: KafkaSettings) -> None:
    member, producer = Member(settings, instance="a"), transactional(settings)
    member.joins()
    where = TopicPartition(settings.topic(REQUESTS.name), 0)
    for offset, end in ((5, producer.commit), (9, producer.abort)):
        producer.begin()
        add(producer, settings, b"v")
        producer.send_offsets([TopicPartition(where.topic, 0, offset)], member.metadata)
        end()
    assert member.consumer.committed([where], timeout=10)[0].offset == 5
    member.consumer.close()


def test_a_zombie_with_metadata_from_before_the_rebalance_writes_nothing(settings: KafkaSettings) -> None:
    first = Member(settings, instance="a")
    first.joins()
    producer, captured = transactional(settings), first.metadata
    second = Member(settings, instance="b")
    second.joins(first)
    producer.begin()
    add(producer, settings, b"zombie")
    with pytest.raises(Fenced, match="generation"):
        producer.send_offsets([TopicPartition(settings.topic(REQUESTS.name), 0, 7)], captured)
    began = time.monotonic()
    assert values(settings) == []
    assert time.monotonic() - began < 3, "its transaction was aborted at once: readers do not wait for its time-out"
    for member in (first, second):
        member.consumer.close()


def test_a_second_process_with_the_same_static_id_fences_the_first(settings: KafkaSettings) -> None:
    first = Member(settings, instance="a")
    first.joins()
    producer, captured = transactional(settings), first.metadata
    second = Member(settings, instance="a")
    second.joins()
    producer.begin()
    add(producer, settings, b"zombie")
    with pytest.raises(Fenced, match="instance"):
        producer.send_offsets([TopicPartition(settings.topic(REQUESTS.name), 0, 7)], captured)
    assert values(settings) == []
    for member in (first, second):
        member.consumer.close()


def test_a_new_producer_of_the_same_id_settles_what_the_old_one_left_and_the_old_one_learns_it(
    settings: KafkaSettings,
) -> None:
    old = transactional(settings)
    old.begin()
    add(old, settings, b"left open")
    began = time.monotonic()
    new = transactional(settings)
    new.begin()
    add(new, settings, b"new")
    new.commit()
    assert values(settings) == [b"new"] and time.monotonic() - began < 4
    with pytest.raises(Unknown, match="fenced"):
        old.commit()
    with pytest.raises(Unknown):
        old.abort()
    with pytest.raises(Unknown):
        old.begin()


def test_a_fenced_producer_says_so_while_records_are_added(settings: KafkaSettings) -> None:
    old = transactional(settings)
    transactional(settings)
    old.begin()
    deadline = time.monotonic() + 10
    with pytest.raises(Unknown, match=r"(?i)fatal"):  # noqa: PT012 (the first records may still be taken)
        while time.monotonic() < deadline:
            add(old, settings, b"v")
            time.sleep(0.01)


def test_a_transaction_past_its_time_out_is_unknown_and_its_records_are_gone(settings: KafkaSettings) -> None:
    quick = config.transactional(settings, transactional_id=settings.topic("slow")) | {"transaction.timeout.ms": 1000}
    producer = TransactionalProducer(quick)
    producer.begin()
    add(producer, settings, b"too late")
    deadline = time.monotonic() + 20
    while values(settings, committed=False) != [b"too late"] or not _stable(settings):
        assert time.monotonic() < deadline
    with pytest.raises(Unknown):
        producer.commit()
    assert values(settings) == []


def _stable(settings: KafkaSettings) -> bool:
    """Whether no transaction is open: a committed record after it can be read."""
    probe = uuid4().bytes
    plain = FutureProducer(config.producer(settings))
    sent = plain.send(settings.topic("email.work"), key=b"k", value=probe).result(10)
    assert sent.offset() is not None and plain.close() == 0
    consumer = Consumer(config.consumer(settings, group_id="probe"))
    ends = [consumer.get_watermark_offsets(TopicPartition(settings.topic(EVENTS.name), number)) for number in range(3)]
    consumer.close()
    return sum(high for _, high in ends) == 2  # the record and the marker of its abort


def test_an_open_transaction_of_a_dead_process_does_not_hold_readers_up_for_long(settings: KafkaSettings) -> None:
    producer = transactional(settings)
    producer.begin()
    add(producer, settings, b"dead")
    plain = FutureProducer(config.producer(settings))
    plain.send(settings.topic(EVENTS.name), key=b"k", value=b"alive").result(10)
    began = time.monotonic()
    while values(settings) != [b"alive"]:
        assert time.monotonic() - began < 12
        time.sleep(0.1)
    assert time.monotonic() - began > 1, "it did hold them up, so this test sees what it is about"
    plain.close()


def test_a_full_local_queue_is_waited_for(settings: KafkaSettings) -> None:
    made = config.transactional(settings, transactional_id=settings.topic("tx")) | {"queue.buffering.max.messages": 10}
    producer = TransactionalProducer(made)
    producer.begin()
    for number in range(500):
        add(producer, settings, str(number).encode())
    producer.commit()
    assert values(settings) == [str(number).encode() for number in range(500)]


def test_a_record_that_can_never_be_written_is_a_bug_and_loud(settings: KafkaSettings) -> None:
    producer = transactional(settings)
    producer.begin()
    with pytest.raises(KafkaException, match="too large"):
        add(producer, settings, b"x" * 1_100_000)
    producer.abort()


def test_a_new_producer_settles_what_may_be_open_and_shows_nothing_of_it(settings: KafkaSettings) -> None:
    """What it writes is given up: readers pass it, and the next transaction is seen."""
    producer = transactional(settings)
    producer.settle([(settings.topic(EVENTS.name), number) for number in range(settings.partitions)])
    producer.begin()
    add(producer, settings, b"seen")
    producer.commit()
    assert values(settings) == [b"seen"]
    assert values(settings, committed=False).count(b"") == settings.partitions, "only what was written gets a marker"


def test_a_kafka_that_is_away_is_unknown() -> None:
    nobody = KafkaSettings(kafka_bootstrap_servers="127.0.0.1:1")
    with pytest.raises(Unknown):
        TransactionalProducer(config.transactional(nobody, transactional_id="x"), timeout=0.3)
