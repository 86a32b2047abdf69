"""What the sender says outside of its transactions: dead letters of the small topics, outcomes learnt too late."""

from concurrent.futures import Future
from typing import Final

import structlog
from confluent_kafka import Message

from services.sender.domain.attempt import Ended
from services.sender.handlers.delivery import Job
from services.sender.telling import buried
from shared import commands
from shared.commands import ReportOutcome, SendEmail
from shared.kafka.dead_letter import DeadLetterLimit, dead_letter
from shared.kafka.producer import FutureProducer
from shared.settings import KafkaSettings
from shared.topics import DEAD_LETTERS, REQUESTS

ACKNOWLEDGED: Final = 30.0  # seconds
log = structlog.get_logger()


class Reports:
    """Produces by a plain producer; what Kafka does not take is said in the log."""

    def __init__(self, settings: KafkaSettings, producer: FutureProducer, *, limit: DeadLetterLimit) -> None:
        self._settings = settings
        self._producer = producer
        self._limit = limit

    def unreadable(self, message: Message, reason: str) -> None:
        """A record that cannot be read; raises TooManyDeadLetters when too many of them come from our own producers.

        The topic is read whole again at the next start, so a letter that Kafka does not take is not lost.
        """
        self._limit.count(message)
        key, value, headers = dead_letter(message, reason=reason)
        topic = self._settings.topic(DEAD_LETTERS.name)
        self._producer.send(topic, key=key, value=value, headers=headers).add_done_callback(_say_if_lost)
        buried(message, kind="unreadable")

    def ask(self, command: SendEmail) -> None:
        """Ask for an email of our own; returns once Kafka has it, raises `ProduceFailed` or TimeoutError."""
        topic = self._settings.topic(REQUESTS.name)
        sent = self._producer.send(topic, key=str(command.email_id).encode(), value=commands.encode(command))
        sent.result(ACKNOWLEDGED)

    def late(self, job: Job, ended: Ended) -> None:
        """The outcome of an attempt whose partition has moved on: its new owner settles by it (rule 5)."""
        command = ReportOutcome(
            email_id=job.email_id,
            tenant=job.email.request.tenant,
            by="sender",
            attempt=job.email.attempt + 1,
            outcome="deferred" if ended.kind == "cut" else ended.kind,  # type: ignore[arg-type]  # only these are told
            result=ended.result,
        )
        topic = self._settings.topic(REQUESTS.name)
        sent = self._producer.send(topic, key=str(command.email_id).encode(), value=commands.encode(command))
        sent.add_done_callback(_say_if_lost)


def _say_if_lost(sent: "Future[Message]") -> None:
    if (error := sent.exception()) is not None:
        log.error("Kafka did not take what the sender reports", error=str(error))
