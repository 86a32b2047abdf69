"""Any other service's side of Kafka: a producer and a reader that know nothing of Postlog."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

from confluent_kafka import KafkaError, Message, Producer

from shared.settings import KafkaSettings
from tests import logs
from tests.e2e.world import World


@dataclass(frozen=True)
class Place:
    """Where a record stands."""

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A record to produce."""

    topic: str
    value: bytes | None
    key: bytes


def produce(world: World, records: Iterable[Sent], *, partitioner: str = "consistent_random") -> list[Place]:
    """Produce with librdkafka's default partitioner, or another; where each record came to stand."""
    producer = Producer(
        {"bootstrap.servers": world.stack.addresses.kafka, "partitioner": partitioner, "message.max.bytes": 2_000_000}
    )
    places: list[Place] = []

    def delivered(error: KafkaError | None, message: Message) -> None:
        assert error is None, error
        places.append(Place(message.topic() or "", message.partition() or 0, message.offset() or 0))

    for record in records:
        producer.produce(record.topic, record.value, record.key, on_delivery=delivered)
        producer.flush(20)
    return places


def records(world: World, topic: str) -> list[Message]:
    """All committed records of a topic."""
    return logs.read(KafkaSettings(kafka_bootstrap_servers=world.stack.addresses.kafka), topic)


def about(world: World, topic: str, key: str) -> list[Message]:
    """The committed records of a topic that have this key."""
    return [record for record in records(world, topic) if record.key() == key.encode()]


def headers_of(record: Message) -> dict[str, bytes]:
    """A record's headers by name."""
    pairs = cast(list[tuple[str, bytes | None]], record.headers() or [])
    return {name: value or b"" for name, value in pairs}
