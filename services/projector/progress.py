"""How far the partitions have been projected, told as metrics, and to Kafka for the tools that show lag."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import UTC, datetime

from confluent_kafka import Consumer, KafkaException, TopicPartition

from services.projector import metrics
from services.projector.handlers.ports import Partition, Reached, Unavailable
from services.projector.settings import ProjectorSettings
from shared.position import Checkpoint, freshness


class Progress:
    """Books of what this projector has committed, beside the checkpoints that count."""

    def __init__(self, settings: ProjectorSettings, consumer: Consumer) -> None:
        self._settings = settings
        self._consumer = consumer
        self._reached: dict[Partition, Reached] = {}

    def begin(self, reached: Mapping[Partition, Reached]) -> list[TopicPartition]:
        """Take these positions for those to go on from; returns them as Kafka wants them.

        Raises `Unavailable` when the log ends before them: it is another log than the one that was projected.
        """
        for place in self._reached.keys() - reached.keys():
            metrics.left(*place)
        self._reached = dict(reached)
        for place, at in reached.items():
            end = self._end(place)
            if at.next_offset > end:
                raise Unavailable(
                    f"{place.topic}/{place.number} ends at {end}, and the read models know it up to {at.next_offset}: "
                    "they were made from another log; drop the schemas read_… and the row in state.read_models"
                )
        return [self._at(place, at.next_offset) for place, at in reached.items()]

    def knows(self, place: Partition, offset: int) -> bool:
        """Whether the partition has been projected up to this offset."""
        return place in self._reached and self._reached[place].next_offset >= offset

    def reach(self, reached: Mapping[Partition, Reached]) -> None:
        """These positions have been committed."""
        for place, at in reached.items():
            self._reached[place] = Reached(at.next_offset, at.logged_at or self._reached[place].logged_at)

    def tell(self, *, paused: Collection[Partition]) -> None:
        """Lag and age as metrics; offsets to the group. What Kafka does not answer now is told the next time."""
        with suppress(KafkaException, Unavailable):
            ends: dict[tuple[str, int], int] = {}
            for place, at in self._reached.items():
                ends[place] = self._end(place, cached=place not in paused)
                metrics.stands(*place, next_offset=at.next_offset, end=ends[place])
            checkpoints = [Checkpoint(*place, *at) for place, at in self._reached.items()]
            age = freshness(checkpoints, ends=ends, now=datetime.now(UTC))
            metrics.behind(age)
            offsets = [self._at(place, at.next_offset) for place, at in self._reached.items()]
            if offsets:
                self._consumer.commit(offsets=offsets, asynchronous=True)

    def _end(self, place: Partition, *, cached: bool = False) -> int:
        try:
            _, high = self._consumer.get_watermark_offsets(self._at(place, 0), timeout=5, cached=cached)
        except KafkaException as error:
            raise Unavailable(f"Kafka (KAFKA_BOOTSTRAP_SERVERS): {error.args[0].str()}") from error
        return high

    def _at(self, place: Partition, offset: int) -> TopicPartition:
        return TopicPartition(self._settings.topic(place.topic), place.number, offset)
