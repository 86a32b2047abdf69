"""How far both request topics have been read, per partition: the offsets to commit, and what may be concluded."""

from datetime import UTC, datetime, timedelta
from typing import Final

from confluent_kafka import Message, TopicPartition

from shared.clock import Clock

CAUTION: Final = timedelta(minutes=1)  # a partition read to its end is known to be read up to this long ago


class Position:
    """How far one request partition has been read: the next offset, and the log time of the last record."""

    def __init__(self, offset: int) -> None:
        self.offset = offset
        self.committed = offset
        self.at_end = False
        self.read_at: datetime | None = None


class Positions:
    """The positions of all partitions owned. Used by the owner's thread alone."""

    def __init__(self, topics: tuple[str, ...], clock: Clock) -> None:
        self._topics = topics
        self._clock = clock
        self._known: dict[tuple[str, int], Position] = {}

    def start(self, starts: list[TopicPartition]) -> None:
        """Read on from these offsets."""
        for start in starts:
            self._known[start.topic, start.partition] = Position(start.offset)

    @property
    def owned(self) -> bool:
        """Whether any partition is owned."""
        return bool(self._known)

    def forget(self, partition: int) -> None:
        """The partition is owned no more."""
        for topic in self._topics:
            self._known.pop((topic, partition), None)

    def note(self, message: Message) -> bool:
        """Move on past a record or an end of partition; whether it is a record of a partition owned."""
        position = self._known.get((message.topic() or "", message.partition() or 0))
        if position is None:
            return False
        at_end = message.error() is not None
        position.at_end = at_end
        position.offset = max(position.offset, (message.offset() or 0) + (not at_end))
        if not at_end:
            position.read_at = datetime.fromtimestamp(message.timestamp()[1] / 1000, UTC)
        return not at_end

    def offsets(self) -> list[TopicPartition]:
        """The next offset of every partition, moved or not: they are the fence (rule 1)."""
        return [TopicPartition(topic, number, at.offset) for (topic, number), at in self._known.items()]

    def reached(self) -> list[tuple[TopicPartition, datetime | None]]:
        """The next offset of every partition, and the log time of the last record read."""
        return [(TopicPartition(topic, number, at.offset), at.read_at) for (topic, number), at in self._known.items()]

    def moved(self) -> bool:
        """Whether there is more to commit; past the end of a partition may be no record, but marks of transactions."""
        return any(at.offset > at.committed for at in self._known.values())

    def keep(self) -> None:
        """All of `offsets` has been committed: so Kafka can say how far requests have been decided about (P10)."""
        for at in self._known.values():
            at.committed = at.offset

    def read_past(self, partition: int, ends: dict[str, int]) -> bool:
        """Whether both request partitions have been read up to `ends`."""
        return all(
            (position := self._known.get((topic, partition))) is not None and position.offset >= end
            for topic, end in ends.items()
        )

    def read_up_to(self, partition: int) -> datetime | None:
        """The log time up to which both request partitions have been read; None while unknown (rule 7)."""
        times = []
        for topic in self._topics:
            position = self._known.get((topic, partition))
            if position is None:
                return None
            known = self._clock.now() - CAUTION if position.at_end else position.read_at
            if known is None:
                return None
            times.append(known)
        return min(times)
