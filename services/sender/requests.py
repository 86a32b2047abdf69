"""Reads the two request topics of the partitions owned. Transactional requests never wait behind bulk ones.

Both topics belong to one group member, so that *p* of both comes to one owner. But one client hands records out in the
order in which it fetched them: so the member reads the transactional topic alone, and the bulk topic is read by a
second client, of no group, as much at a time as there is use for.
"""

import time
from collections.abc import Iterable
from typing import Any, Final

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from services.sender import metrics
from services.sender.positions import Positions
from shared.clock import Clock
from shared.kafka.membership import Membership
from shared.kafka.producer import Fenced

log = structlog.get_logger()
PATIENCE: Final = 30  # seconds for Kafka to be itself again
STABLE: Final = 15  # seconds for transactions under way to end: twice their time-out, and more
PAUSE: Final = 0.1


class Pending(Exception):
    """The offsets of these partitions wait for a transaction that does not end. The offsets given are of no meaning."""

    def __init__(self, partitions: list[TopicPartition]) -> None:
        super().__init__("offsets wait for a transaction that does not end")
        self.partitions = partitions


class Requests:
    """The member of the group, its second reader, and the books of how far both topics have been read."""

    def __init__(self, member: Consumer, bulk: Consumer, *, topics: tuple[str, str], clock: Clock) -> None:
        self._member = member
        self._bulk = bulk
        self._topics = topics
        self._clock = clock
        self.membership = Membership(member)
        self.positions = Positions(topics, clock)

    def subscribe(self, **callbacks: Any) -> None:
        """Join the group."""
        self._member.subscribe(list(self._topics), **callbacks)

    def close(self) -> None:
        """Leave the group."""
        self._member.close()
        self._bulk.close()

    def assign(self, starts: list[TopicPartition]) -> None:
        """Read these partitions of both topics from these offsets."""
        self.positions.start(starts)
        self._member.assign(starts)
        bulk = self._of_bulk(starts)
        self._member.pause(bulk)
        self._bulk.assign(bulk)

    def rewind(self, starts: list[TopicPartition]) -> None:
        """Read again from these offsets."""
        self.positions.start(starts)
        bulk = self._of_bulk(starts)
        for start in starts:
            (self._bulk if start in bulk else self._member).seek(start)

    def unassign(self, partition: int) -> None:
        """The partition is owned no more."""
        self.positions.forget(partition)
        metrics.left(partition)
        owned = self._bulk.assignment()
        self._bulk.incremental_unassign([one for one in owned if one.partition == partition])

    def committed(self, partitions: Iterable[int]) -> list[TopicPartition]:
        """The stable committed offsets of both topics: waits for transactions that are under way.

        Raises `Pending` when they do not end.
        """
        wanted = [TopicPartition(topic, number) for topic in self._topics for number in partitions]
        try:
            found = self._member.committed(wanted, timeout=STABLE) if wanted else []
        except KafkaException as error:
            if error.args[0].code() != KafkaError._TIMED_OUT:
                raise
            raise Pending([TopicPartition(each.topic, each.partition, 0) for each in wanted]) from error
        for partition in found:
            if partition.error is not None:
                raise KafkaException(partition.error)
            if partition.offset < 0:
                partition.offset = self._beginning(partition)
        return found

    def _beginning(self, where: TopicPartition) -> int:
        """The first offset there is; a topic just made, or a leader that has moved, is asked for again."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return int(self._member.get_watermark_offsets(where, timeout=10)[0])
            except KafkaException as error:
                if error.args[0].fatal() or time.monotonic() > deadline:
                    raise
            time.sleep(PAUSE)

    def read(self, *, wait: float, most: int, bulk: int) -> list[Message]:
        """Up to `most` transactional requests, waiting `wait` seconds for the first, and up to `bulk` of the others."""
        first = self._member.poll(wait)
        found = [] if first is None else [first, *self._member.consume(most - 1, 0)]
        if bulk and self.positions.owned:
            found += self._bulk.consume(bulk, 0)
        return [message for message in found if self._note(message)]

    def ends(self, partition: int) -> dict[str, int]:
        """The ends of both request partitions, now; as last heard of while Kafka does not answer."""
        return {topic: self._end(TopicPartition(topic, partition)) for topic in self._topics}

    def tell_lags(self, *, prefix: str) -> None:
        """How far reading is behind what the clients have last heard of the ends."""
        now = self._clock.now()
        for where, read_at in self.positions.reached():
            client = self._bulk if where.topic == self._topics[1] else self._member
            end = client.get_watermark_offsets(where, cached=True)[1]
            records = max(0, end - where.offset)
            age = None if read_at is None else (now - read_at).total_seconds()
            metrics.lags(
                where.topic.removeprefix(prefix), where.partition, records=records, seconds=age if records else 0
            )

    def metadata(self) -> Any:
        """What the group knows this member by, now."""
        return self._member.consumer_group_metadata()

    def _end(self, where: TopicPartition) -> int:
        try:
            return int(self._member.get_watermark_offsets(where, timeout=5)[1])
        except KafkaException:
            return int(self._member.get_watermark_offsets(where, cached=True)[1])

    def _of_bulk(self, starts: list[TopicPartition]) -> list[TopicPartition]:
        return [start for start in starts if start.topic == self._topics[1]]

    def _note(self, message: Message) -> bool:
        """Keep the books of positions; whether it is a record of a partition that is (still) owned."""
        error = message.error()
        if error is None or error.code() == KafkaError._PARTITION_EOF:
            return self.positions.note(message)
        if error.fatal() or error.code() == KafkaError._FATAL:  # what a message carries has lost its flag
            raise Fenced(error.str())
        log.warning("Kafka is in trouble", error=error.str())
        return False
