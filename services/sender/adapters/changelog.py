"""`email.work` read back into a partition's table: at takeover, and after a commit of unknown result (rule 3)."""

import time
from collections.abc import Callable
from typing import Final
from uuid import UUID

from confluent_kafka import (
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Message,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from shared.kafka.config import client, consumer
from shared.records import Work, decode_work
from shared.settings import KafkaSettings
from shared.topics import WORK

PATIENCE: Final = 30.0  # seconds for Kafka to be itself again
PAUSE: Final = 0.1
Apply = Callable[[UUID, Work | None, int], None]
Unreadable = Callable[[Message, str], None]


class Changelog:
    """Reads the changelog. Not thread-safe."""

    def __init__(self, settings: KafkaSettings, *, unreadable: Unreadable) -> None:
        self._unreadable = unreadable
        self._topic = settings.topic(WORK.name)
        self._admin = AdminClient(client(settings))
        self._consumer = Consumer(consumer(settings, group_id=f"postlog-restore-{self._topic}"))

    def identity(self) -> str:
        """Names the log: another cluster, or a topic made anew, is another log."""
        cluster = self._admin.describe_cluster(request_timeout=10).result()
        topics = self._admin.describe_topics(TopicCollection([self._topic]), request_timeout=10)
        made = topics[self._topic].result().topic_id
        return f"{cluster.cluster_id}/{made.get_most_significant_bits():x}{made.get_least_significant_bits():x}"

    def end(self, partition: int) -> int:
        """The end of the partition, read uncommitted: whatever may still become visible lies before it.

        Leaders move, and after a broker's restart those that this client knows are of before: it asks again.
        """
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return self._end(partition)
            except KafkaException as error:
                if error.args[0].fatal() or time.monotonic() > deadline:
                    raise
            time.sleep(PAUSE)

    def _end(self, partition: int) -> int:
        self._admin.list_topics(self._topic, timeout=10)  # who leads, now
        where = TopicPartition(self._topic, partition)
        latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # confluent-kafka leaves it untyped
        listed = self._admin.list_offsets(
            {where: latest},
            isolation_level=IsolationLevel.READ_UNCOMMITTED,
            request_timeout=10,
        )
        return int(listed[where].result().offset)

    def restore(self, partition: int, *, start: int, end: int, apply: Apply) -> int:
        """Apply all committed records from `start` to `end`, each with its next offset; returns where to go on from."""
        if start >= end:
            return start
        self._consumer.assign([TopicPartition(self._topic, partition, start)])
        reached = start
        while reached < end:
            for message in self._consumer.consume(5000, 0.1):
                reached = max(reached, self._take(message, apply))
        self._consumer.unassign()
        return reached

    def close(self) -> None:
        """Close the reader."""
        self._consumer.close()

    def _take(self, message: Message, apply: Apply) -> int:
        error, offset = message.error(), message.offset() or 0
        if error is not None:
            if error.code() != KafkaError._PARTITION_EOF:
                raise RuntimeError(f"the changelog cannot be read: {error.str()}")
            return offset
        try:
            key, value = message.key() or b"", message.value()
            email_id = UUID(key.decode() if isinstance(key, bytes) else key)
            work = decode_work(value) if value is not None else None
        except (ValueError, RecursionError) as reason:  # msgspec's errors are ValueErrors
            self._unreadable(message, str(reason))
        else:
            apply(email_id, work, offset + 1)
        return offset + 1
