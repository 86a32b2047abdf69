"""The loop: read both topics, project, and hold on while a server is away. Positions come from the checkpoints.

Kafka's own offsets are committed too, for the tools that show lag; nothing is ever read from there.
"""

import time
from collections.abc import Callable
from typing import Final

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from services.projector import metrics
from services.projector.adapters.read_models import ReadModels, Switched
from services.projector.handlers.applying import Applier
from services.projector.handlers.ports import Conflict, Partition, Unavailable
from services.projector.progress import Progress
from services.projector.settings import ProjectorSettings
from shared.kafka.membership import Membership
from shared.topics import EVENTS, PERSONAL

log = structlog.get_logger()
POLL: Final = 0.1  # seconds
LONGEST_PAUSE: Final = 5.0  # seconds between two tries while a server is away
TELL: Final = 1.0  # seconds between two looks at lag
MANY: Final = 20  # records: after so many the next transaction waits for company
GATHER: Final = 0.05  # seconds from the beginning of such a transaction to that of the next


class Projector:
    """Projects what the group gives it. `run` returns after `stop`; what was begun is finished and committed."""

    def __init__(
        self,
        settings: ProjectorSettings,
        *,
        consumer: Consumer,
        open_models: Callable[[], ReadModels],
        applier: Applier,
    ) -> None:
        self._settings = settings
        self._consumer = consumer
        self._open_models = open_models
        self._applier = applier
        self._membership = Membership(consumer)
        self._progress = Progress(settings, consumer)
        self._given: set[Partition] = set()
        self._models: ReadModels | None = None  # None: not placed at the checkpoints (any more)
        self._blocked: dict[Partition, str] = {}
        self._stopping = False
        self._pause = 0.0
        self._told_at = float("-inf")
        self._rest_until = float("-inf")
        self.joined = False
        self.trouble: str | None = None

    @property
    def blocked(self) -> str | None:
        """Why a partition cannot go on, in a sentence."""
        return next(iter(self._blocked.values()), None)

    def stop(self) -> None:
        """Ask it to finish; safe from a signal handler."""
        self._stopping = True

    def run(self) -> None:
        """Serve until stopped."""
        topics = [self._settings.topic(topic.name) for topic in (EVENTS, PERSONAL)]
        self._consumer.subscribe(topics, on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost)
        try:
            while not self._stopping:
                self._step()
            self._progress.tell(paused=self._blocked)
        finally:
            self._consumer.close()

    def _step(self) -> None:
        self._membership.check()
        try:
            models = self._models or self._place()
            messages = self._read()
            if messages and self._models is models:  # else the group took partitions away, or gave some, meanwhile
                self._project(models, messages)
        except (Unavailable, Conflict) as reason:
            self._hold_on(str(reason))
        except Switched as switched:
            log.info("other read models are live: going on from their checkpoints", live=str(switched))
            self._displace()
        else:
            self._pause, self.trouble = 0.0, None
        self._tell()

    def _place(self) -> ReadModels:
        """Go to the checkpoints of the live read models."""
        models = self._open_models()
        starts = self._progress.begin(models.positions(self._given))
        self._assign(starts)
        self._blocked.clear()
        self._models = models
        return models

    def _displace(self) -> None:
        """Read nothing until placed again."""
        self._models = None
        self._assign([])

    def _assign(self, starts: list[TopicPartition]) -> None:
        """While the group makes up its mind an assignment of nothing would be one all the same."""
        if self._given:
            self._consumer.assign(starts)

    def _read(self) -> list[Message]:
        """What there is by now. While much comes, fewer and larger transactions cost half as much."""
        time.sleep(max(0.0, self._rest_until - time.monotonic()))
        first = self._consumer.poll(POLL)
        if first is None:
            return []
        rest = self._consumer.consume(self._settings.projector_batch - 1, 0)
        return [message for message in (first, *rest) if self._is_new(message)]

    def _is_new(self, message: Message) -> bool:
        """Whether it is a record, or an end that was not known, of a partition that can go on."""
        error = message.error()
        if error is None:
            return not self._blocked or self._place_of(message) not in self._blocked
        if error.code() == KafkaError._PARTITION_EOF:
            place = self._place_of(message)
            return place not in self._blocked and not self._progress.knows(place, message.offset() or 0)
        if error.fatal() or error.code() == KafkaError._FATAL:  # what a message carries has lost its flag
            raise KafkaException(error)
        log.warning("Kafka is in trouble", error=error.str())
        return False

    def _project(self, models: ReadModels, messages: list[Message]) -> None:
        began = time.monotonic()
        if MANY <= len(messages) < self._settings.projector_batch:  # a whole batch: more is there already
            self._rest_until = began + GATHER
        reading = self._applier.apply(models, messages)
        self._progress.reach(reading.batch.reached)
        for place, why in reading.blocked.items():
            log.error("a partition waits for an upgrade", topic=place.topic, partition=place.number, reason=why)
            self._blocked[place] = why
        paused = [TopicPartition(self._settings.topic(place.topic), place.number) for place in reading.blocked]
        self._consumer.pause(paused)
        metrics.committed(seconds=time.monotonic() - began)
        metrics.projected(EVENTS.name, len(reading.batch.facts))
        metrics.projected(PERSONAL.name, len(reading.batch.personal))

    def _hold_on(self, reason: str) -> None:
        """A server is away: wait, longer each time, in the group all the while."""
        if reason != self.trouble:
            log.warning("projecting waits", reason=reason)
        self.trouble = reason
        self._displace()
        self._pause = min(LONGEST_PAUSE, 2 * self._pause or POLL)
        until = time.monotonic() + self._pause
        while not self._stopping and time.monotonic() < until:
            self._consumer.poll(POLL)

    def _tell(self) -> None:
        if time.monotonic() - self._told_at > TELL:
            self._progress.tell(paused=self._blocked)
            self._told_at = time.monotonic()

    def _on_lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._membership.lost()
        log.warning("partitions lost")
        self._on_revoke(consumer, partitions)

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._membership.given()
        self._given = {Partition(self._settings.plain_topic(one.topic), one.partition) for one in partitions}
        self.joined = True
        self._displace()
        log.info("partitions assigned", partitions=sorted({one.number for one in self._given}))

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._given = set()
        self._models = None

    def _place_of(self, message: Message) -> Partition:
        return Partition(self._settings.plain_topic(message.topic() or ""), message.partition() or 0)
