"""Unreadable records go to the dead-letter topic, and are safe there before the projector moves on."""

import structlog
from confluent_kafka import Message

from services.projector import metrics
from services.projector.handlers.ports import Unavailable
from shared.kafka.dead_letter import DeadLetterLimit, dead_letter
from shared.kafka.producer import FutureProducer, ProduceFailed

log = structlog.get_logger()


class DeadLetters:
    """Diverts records; raises TooManyDeadLetters when too many of them come from our own producers."""

    def __init__(self, producer: FutureProducer, *, topic: str, limit: int) -> None:
        self._producer = producer
        self._topic = topic
        self._limit = DeadLetterLimit(limit)

    def __call__(self, message: Message, reason: str) -> None:
        """Write the dead letter and wait for Kafka."""
        self._limit.count(message)
        key, value, headers = dead_letter(message, reason=reason)
        try:
            self._producer.send(self._topic, key=key, value=value, headers=headers).result()
        except ProduceFailed as error:
            raise Unavailable(f"Kafka does not take a dead letter: {error}") from error
        metrics.dead_letter()
        place = {"topic": message.topic(), "partition": message.partition(), "offset": message.offset()}
        log.warning("a record is a dead letter", **place)
