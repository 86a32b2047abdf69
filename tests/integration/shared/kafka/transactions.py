"""Transactions in a line, for tests."""

from shared.kafka import config
from shared.kafka.producer import TransactionalProducer
from shared.settings import KafkaSettings
from shared.topics import EVENTS
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
