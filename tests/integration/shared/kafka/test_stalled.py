"""A broker that takes connections and says nothing, or goes and comes back: what our clients make of it."""

import os
import signal
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import TopicPartition

from cli.stack.addresses import NOTHING_GIVEN
from cli.stack.stack import ANY_PORT, Stack
from shared.kafka import config
from shared.kafka.admin import ensure_topics
from shared.kafka.producer import Aborted, FutureProducer, TransactionalProducer, Unknown
from shared.kafka.table import TopicTable
from shared.settings import KafkaSettings
from shared.topics import EVENTS, REQUESTS, SUPPRESSIONS
from tests.integration.shared.kafka.transactions import Member, add, transactional, values
from tests.logs import read
from tests.servers import LoopThread

pytestmark = pytest.mark.integration


class OwnKafka:
    """A broker that a test may stop for a while."""

    def __init__(self, stack: Stack, thread: LoopThread) -> None:
        self.url = stack.addresses.kafka
        self._stack, self._thread = stack, thread

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """It takes connections and says nothing, as a machine in trouble does."""
        pid = self._stack["kafka"].pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    @contextmanager
    def away(self) -> Iterator[None]:
        """It is stopped, and started again."""
        self._thread.run(self._stack.stop("kafka"))
        try:
            yield
        finally:
            self._thread.run(self._stack.start("kafka"))


@pytest.fixture(scope="module")
def own_kafka() -> Iterator[OwnKafka]:
    """A Kafka that nobody else uses."""
    with tempfile.TemporaryDirectory(prefix="postlog-tests-") as folder:
        thread = LoopThread()
        stack = Stack(Path(folder), parts=["kafka"], given=NOTHING_GIVEN, usual_ports=ANY_PORT, say=lambda _: None)
        thread.run(stack.__aenter__())
        yield OwnKafka(stack, thread)
        thread.run(stack.__aexit__())
        thread.stop()


@pytest.fixture
def settings(own_kafka: OwnKafka, topic_prefix: str) -> KafkaSettings:
    """Settings of topics on it, which are there."""
    found = KafkaSettings(kafka_bootstrap_servers=own_kafka.url, topic_prefix=topic_prefix, partitions=3)
    ensure_topics(found)
    return found


def test_a_broker_that_stalls_costs_time_and_no_record(own_kafka: OwnKafka, settings: KafkaSettings) -> None:
    producer = FutureProducer(config.producer(settings), timeout_ms=30_000)
    topic = settings.topic(EVENTS.name)
    producer.send(topic, key=b"k", value=b"0").result(10)
    with own_kafka.frozen():
        sent = [producer.send(topic, key=b"k", value=str(number).encode()) for number in range(1, 100)]
        assert not wait(sent, timeout=1, return_when=FIRST_COMPLETED).done
    offsets = [future.result(20).offset() for future in sent]
    assert offsets == list(range(1, 100))
    assert [int(message.value() or b"") for message in read(settings, EVENTS.name)] == list(range(100))
    producer.close()


def test_a_commit_that_gets_no_answer_is_unknown_and_a_new_producer_goes_on(
    own_kafka: OwnKafka, settings: KafkaSettings
) -> None:
    producer = transactional(settings, timeout=1)
    producer.begin()
    add(producer, settings, b"perhaps")
    with own_kafka.frozen():
        began = time.monotonic()
        with pytest.raises(Unknown):
            producer.commit()
        assert time.monotonic() - began < 3
    again = transactional(settings)
    again.begin()
    add(again, settings, b"for certain")
    again.commit()
    assert values(settings) in ([b"for certain"], [b"perhaps", b"for certain"])


def test_a_record_that_was_not_delivered_aborts_the_transaction(own_kafka: OwnKafka, settings: KafkaSettings) -> None:
    made = config.transactional(settings, transactional_id=settings.topic("tx")) | {"delivery.timeout.ms": 1000}
    producer = TransactionalProducer(made)
    failed: list[Any] = []
    producer.begin()
    with own_kafka.frozen():
        topic = settings.topic(EVENTS.name)
        producer.produce(topic, key=b"k", value=b"v", on_delivery=lambda error, message: failed.append(error))
        deadline = time.monotonic() + 20
        while not failed:  # as soon as the delivery's time-out is over
            assert time.monotonic() < deadline
            producer._producer.poll(0.05)
    with pytest.raises(Aborted):
        producer.commit()
    assert len(failed) == 1 and failed[0] is not None
    producer.begin()
    add(producer, settings, b"again")
    producer.commit()
    assert values(settings) == [b"again"]


def test_a_table_ages_meanwhile_and_recovers(own_kafka: OwnKafka, settings: KafkaSettings) -> None:
    table = TopicTable(settings, topic=SUPPRESSIONS.name, apply=lambda key, value: None)
    table.start(timeout=30)
    with own_kafka.frozen():
        deadline = time.monotonic() + 20
        while table.age() < 2.5:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert not table.catch_up(timeout=0.2)
    assert table.catch_up(timeout=30) and table.age() < 2
    table.close()


def test_after_the_coordinator_was_away_offsets_are_sent_or_it_is_said_that_they_cannot(
    own_kafka: OwnKafka, settings: KafkaSettings
) -> None:
    """With the library's own strategy it never comes back from the call (librdkafka#5511), with ours it does."""
    made = config.transactional(settings, transactional_id=settings.topic("theirs"))
    theirs = TransactionalProducer(made | {"metadata.recovery.strategy": "rebootstrap"}, timeout=1)
    ours, member = transactional(settings), Member(settings, instance="a")
    member.joins()
    for producer in (ours, theirs):
        commit_offsets(producer, member, settings)
    with own_kafka.away():
        member.polls(seconds=7)  # longer than its session: it is out of the group
    member.joins()
    commit_offsets(ours, member, settings)
    try:
        commit_offsets(theirs, member, settings)
    except Unknown:
        commit_offsets(transactional(settings, name="theirs"), member, settings)
    assert len(values(settings)) == 4
    member.consumer.close()


def commit_offsets(producer: TransactionalProducer, member: Member, settings: KafkaSettings) -> None:
    producer.begin()
    add(producer, settings, b"v")
    producer.send_offsets([TopicPartition(settings.topic(REQUESTS.name), 0, 0)], member.metadata)
    producer.commit()
