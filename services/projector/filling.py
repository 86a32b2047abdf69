"""Filling a build of the read models from the log, up to exactly given offsets."""

import time
from collections.abc import Callable, Mapping
from typing import Final

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from services.projector.adapters.read_models import ReadModels
from services.projector.handlers.applying import Applier
from services.projector.handlers.ports import Batch, Partition, Reached
from services.projector.handlers.projection import project
from services.projector.settings import ProjectorSettings

BATCH: Final = 10_000
PATIENCE: Final = 30.0  # seconds without a record before the log counts as stuck
Say = Callable[[str], None]


class CannotReplay(RuntimeError):
    """Replay cannot go on; the message says why."""


class Filler:
    """Reads the log beside the consumer group.

    Records that nobody could read were diverted when the projector met them: they are passed over.
    """

    def __init__(self, settings: ProjectorSettings, *, consumer: Consumer, say: Say) -> None:
        self._settings = settings
        self._consumer = consumer
        self._say = say
        self._applier = Applier(divert=lambda message, reason: None, name_of=settings.plain_topic)

    def fill(self, models: ReadModels, targets: Mapping[Partition, Reached]) -> None:
        """Project everything from where `models` stand up to exactly `targets`; says how it goes every second."""
        at = models.positions(targets)
        left = {place: end.next_offset for place, end in targets.items() if at[place].next_offset < end.next_offset}
        self._consumer.assign([self._start(place, at[place].next_offset) for place in left])
        progress = _Progress(self._say)
        while left:
            messages = self._consumer.consume(BATCH, 0.2)
            wanted = [message for message in messages if self._is_wanted(message, left)]
            self._project(models, wanted)
            progress.count(len(wanted), heard=bool(messages))
        self._consumer.unassign()
        progress.end()
        with models.transaction() as tables:  # past the last record may stand marks of transactions
            project(tables, Batch(reached=dict(targets)))

    def _project(self, models: ReadModels, messages: list[Message]) -> None:
        blocked = self._applier.apply(models, messages).blocked
        if blocked:
            raise CannotReplay(next(iter(blocked.values())))

    def _is_wanted(self, message: Message, left: dict[Partition, int]) -> bool:
        """Whether it is a record before the target; a partition that has come so far is taken off the list."""
        place = Partition(self._settings.plain_topic(message.topic() or ""), message.partition() or 0)
        error, offset = message.error(), message.offset() or 0
        if error is not None and error.code() != KafkaError._PARTITION_EOF:
            raise CannotReplay(f"the log cannot be read: {error.str()}")
        end = left.get(place)
        if end is None:
            return False
        if error is not None and offset < end:
            raise CannotReplay(
                f"{place.topic}/{place.number} ends at {offset}, the live read models know it up to {end}"
            )
        if error is not None or offset >= end - 1:
            del left[place]
        return error is None and offset < end

    def _start(self, place: Partition, offset: int) -> TopicPartition:
        return TopicPartition(self._settings.topic(place.topic), place.number, offset)


class _Progress:
    """Counts what was read; raises CannotReplay when nothing comes any more."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._began = self._said_at = self._heard = time.monotonic()
        self._records = self._said = 0

    def count(self, records: int, *, heard: bool) -> None:
        now = time.monotonic()
        self._records += records
        if heard:
            self._heard = now
        elif now - self._heard > PATIENCE:
            raise CannotReplay(f"the log gave nothing for {PATIENCE:.0f} s: is Kafka there?")
        if now - self._said_at > 1:
            self.end()
            self._said_at = now

    def end(self) -> None:
        if self._records != self._said:
            rate = self._records / max(time.monotonic() - self._began, 0.001)
            self._say(f"{self._records:,} records, {rate:,.0f}/s")
            self._said = self._records
