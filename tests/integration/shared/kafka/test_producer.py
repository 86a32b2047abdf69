"""The plain producer on real Kafka: acknowledged or refused, never in limbo, never unbounded."""

import asyncio
import time
from collections.abc import Iterator

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from shared.kafka import config
from shared.kafka.producer import FutureProducer, ProduceFailed, TransactionalProducer
from shared.settings import KafkaSettings
from shared.topics import EVENTS, partition_for
from tests.logs import read

pytestmark = pytest.mark.integration


@pytest.fixture
def producer(settings: KafkaSettings) -> Iterator[FutureProducer]:
    producer = FutureProducer(config.producer(settings))
    yield producer
    producer.close()


@pytest.fixture
def nobody() -> KafkaSettings:
    """Settings of a Kafka that is not there."""
    return KafkaSettings(kafka_bootstrap_servers="127.0.0.1:1")


def test_a_future_is_done_when_kafka_has_acknowledged(producer: FutureProducer, settings: KafkaSettings) -> None:
    topic = settings.topic(EVENTS.name)
    headers: list[tuple[str, str | bytes | None]] = [("ce_id", b"17")]
    message = producer.send(topic, key=b"k", value=b"v", headers=headers).result(10)
    (found,) = read(settings, EVENTS.name)
    assert (found.partition(), found.offset()) == (message.partition(), message.offset())
    assert (found.key(), found.value(), found.headers()) == (b"k", b"v", [("ce_id", b"17")])


def test_many_have_one_future_that_is_done_when_all_are_acknowledged(
    producer: FutureProducer, settings: KafkaSettings
) -> None:
    topic = settings.topic(EVENTS.name)
    producer.send_all([(topic, b"k%d" % n, b"v", [("ce_id", b"17")]) for n in range(200)]).result(10)
    found = read(settings, EVENTS.name)
    assert {message.key() for message in found} == {b"k%d" % n for n in range(200)} and len(found) == 200
    assert found[0].headers() == [("ce_id", b"17")]
    producer.send_all([]).result(0)


def test_one_of_many_that_fails_is_told_when_the_others_are_settled(
    producer: FutureProducer, settings: KafkaSettings
) -> None:
    topic = settings.topic(EVENTS.name)
    with pytest.raises(ProduceFailed, match="size") as caught:
        producer.send_all([(topic, b"k", value, []) for value in (b"v", b"x" * 1_100_000, b"w")]).result(10)
    assert not caught.value.retriable
    assert [message.value() for message in read(settings, EVENTS.name)] == [b"v", b"w"]


def test_keys_land_where_the_java_clients_put_them(producer: FutureProducer, settings: KafkaSettings) -> None:
    keys = [f"019ab0c2-0d36-7c4e-9f21-{number:012x}".encode() for number in range(200)]
    sent = [producer.send(settings.topic(EVENTS.name), key=key, value=b"") for key in keys]
    assert [future.result(10).partition() for future in sent] == [partition_for(key, 3) for key in keys]


def test_librdkafkas_own_partitioner_does_not(settings: KafkaSettings) -> None:
    plain = FutureProducer(config.client(settings))
    keys = [str(number).encode() for number in range(50)]
    sent = [plain.send(settings.topic(EVENTS.name), key=key, value=b"") for key in keys]
    assert [future.result(10).partition() for future in sent] != [partition_for(key, 3) for key in keys]
    assert plain.close() == 0


def test_it_waits_for_all_replicas_and_is_idempotent(settings: KafkaSettings) -> None:
    found = config.producer(settings)
    assert (found["acks"], found["enable.idempotence"]) == ("all", True)


def test_a_record_that_is_too_large_is_refused_at_once_and_for_good(
    producer: FutureProducer, settings: KafkaSettings
) -> None:
    with pytest.raises(ProduceFailed, match="size") as caught:
        producer.send(settings.topic(EVENTS.name), key=b"k", value=b"x" * 1_100_000).result(10)
    assert not caught.value.retriable


def test_a_missing_topic_is_refused_and_not_made_by_accident(settings: KafkaSettings) -> None:
    producer = FutureProducer(config.producer(settings), timeout_ms=800)
    name = settings.topic("email.nonsense")
    with pytest.raises(ProduceFailed):
        producer.send(name, key=b"k", value=b"v").result(10)
    assert name not in AdminClient(config.client(settings)).list_topics(timeout=10).topics
    producer.close()


def test_a_kafka_that_is_away_fails_the_future_in_time(nobody: KafkaSettings) -> None:
    producer = FutureProducer(config.producer(nobody), timeout_ms=500)
    began = time.monotonic()
    with pytest.raises(ProduceFailed, match="timed out") as caught:
        producer.send("email.events", key=b"k", value=b"v").result(10)
    assert caught.value.retriable and time.monotonic() - began < 5
    assert producer.close() == 0


def test_in_flight_is_bounded_and_room_comes_back(nobody: KafkaSettings) -> None:
    producer = FutureProducer(config.producer(nobody), max_in_flight=3, timeout_ms=1000)
    waiting = [producer.send("email.events", key=b"k", value=b"v") for _ in range(3)]
    refused = producer.send("email.events", key=b"k", value=b"v")
    assert refused.done() and not any(future.done() for future in waiting)
    with pytest.raises(ProduceFailed, match="too many records are waiting") as caught:
        refused.result(0)
    assert caught.value.retriable
    for future in waiting:
        with pytest.raises(ProduceFailed, match="timed out"):
            future.result(10)
    assert not producer.send("email.events", key=b"k", value=b"v").done()
    producer.close()


def test_a_full_local_queue_refuses_and_is_not_waited_for(nobody: KafkaSettings) -> None:
    producer = FutureProducer(config.producer(nobody) | {"queue.buffering.max.messages": 2}, timeout_ms=60_000)
    futures = [producer.send("email.events", key=b"k", value=b"v") for _ in range(3)]
    with pytest.raises(ProduceFailed, match=r"(?i)queue full") as caught:
        futures[2].result(0)
    assert caught.value.retriable
    assert producer.close(timeout=0) == 2


def test_close_has_a_deadline_says_what_is_left_and_leaves_no_future_open(nobody: KafkaSettings) -> None:
    producer = FutureProducer(config.producer(nobody), timeout_ms=60_000)
    futures = [producer.send("email.events", key=b"k", value=b"v") for _ in range(5)]
    began = time.monotonic()
    assert producer.close(timeout=0.3) == 5
    assert time.monotonic() - began < 3
    for future in futures:
        with pytest.raises(ProduceFailed):
            future.result(0)


def test_close_sends_what_is_under_way(settings: KafkaSettings) -> None:
    producer = FutureProducer(config.producer(settings, linger_ms=1000))
    futures = [producer.send(settings.topic(EVENTS.name), key=b"k", value=b"v") for _ in range(2000)]
    assert producer.close() == 0
    assert all(future.done() for future in futures) and len(read(settings, EVENTS.name)) == 2000


def test_a_caller_who_gives_up_does_not_stop_the_others(nobody: KafkaSettings) -> None:
    async def impatient(producer: FutureProducer) -> None:
        future = producer.send("email.events", key=b"k", value=b"v")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.wrap_future(future), 0.05)

    producer = FutureProducer(config.producer(nobody), timeout_ms=300)
    asyncio.run(impatient(producer))
    for _ in range(2):
        with pytest.raises(ProduceFailed, match="timed out"):
            producer.send("email.events", key=b"k", value=b"v").result(10)
    producer.close()


def test_after_a_fatal_error_the_client_is_made_anew(settings: KafkaSettings) -> None:
    producer = FutureProducer(config.producer(settings))
    fenced = Producer(config.transactional(settings, transactional_id=settings.topic("fatal")))
    fenced.init_transactions(20)
    TransactionalProducer(config.transactional(settings, transactional_id=settings.topic("fatal")))
    fenced.begin_transaction()
    fenced.produce(settings.topic(EVENTS.name), b"v", b"k")
    broken = producer._producer
    producer._producer = fenced  # a client with a real fatal error: the next poll raises it
    deadline = time.monotonic() + 10
    while producer._producer is fenced:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    producer.send(settings.topic(EVENTS.name), key=b"k", value=b"after").result(10)
    assert [message.value() for message in read(settings, EVENTS.name)] == [b"after"]
    assert producer.close() == 0 and broken.flush(1) == 0
