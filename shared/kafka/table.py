"""A small compacted topic as a table in memory: read whole, followed for ever, and able to say how current it is."""

import contextlib
import threading
import time
from collections.abc import Callable

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from shared.kafka.config import consumer
from shared.settings import KafkaSettings

Apply = Callable[[str, bytes | None], None]
Unreadable = Callable[[Message, str], None]


class TopicTable:
    """Follows every partition of `topic` in a thread and hands each (key, value) to `apply`; None is a tombstone.

    `apply` runs in the follower's thread; a record that it cannot read (ValueError, or what msgspec raises) goes to
    `unreadable`. Suppressions are read uncommitted: an aborted addition only holds back (rule 10).
    """

    def __init__(
        self,
        settings: KafkaSettings,
        *,
        topic: str,
        apply: Apply,
        unreadable: Unreadable | None = None,
        uncommitted: bool = False,
    ) -> None:
        self._settings = settings
        self._topic = settings.topic(topic)
        self._apply = apply
        self._unreadable = unreadable
        self._uncommitted = uncommitted
        self._changed = threading.Condition()
        self._ends: dict[int, int] = {}
        self._seen: dict[int, int] = {}
        self._current_at = float("-inf")
        self._closing = threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name=f"table-{topic}", daemon=True)

    def start(self, *, timeout: float | None = None) -> None:
        """Begin to follow; with `timeout` (seconds), wait until what stood in the topic has been read."""
        self._thread.start()
        if timeout is not None and not self.catch_up(timeout=timeout):
            raise TimeoutError(f"{self._topic} could not be read within {timeout:.0f} s")

    def age(self) -> float:
        """Seconds since this copy was last known to be current, infinite before the first time.

        Raises what ended the following of the topic, if anything did.
        """
        if self._failure is not None:
            raise self._failure
        return time.monotonic() - self._current_at

    def catch_up(self, *, timeout: float) -> bool:
        """Wait until the copy holds all that the topic held at the call; False when that took longer."""
        asked = time.monotonic()
        with self._changed:
            done = self._changed.wait_for(lambda: self._current_at >= asked or self._failure is not None, timeout)
        if self._failure is not None:
            raise self._failure
        return done

    def close(self) -> None:
        """Stop following."""
        self._closing.set()
        self._thread.join(10)

    def _run(self) -> None:
        overrides = {"isolation.level": "read_uncommitted" if self._uncommitted else "read_committed"}
        follower = Consumer(consumer(self._settings, group_id=f"postlog-table-{self._topic}") | overrides)
        try:
            self._follow(follower)
        except Exception as error:  # noqa: BLE001 (handed to whoever asks for the table)
            with self._changed:
                self._failure = error
                self._changed.notify_all()
        finally:
            follower.close()

    def _follow(self, follower: Consumer) -> None:
        partitions = self._partitions(follower)
        follower.assign([TopicPartition(self._topic, number, 0) for number in partitions])
        listed_at = float("-inf")
        while not self._closing.is_set():
            if time.monotonic() - listed_at > 0.25:
                listed_at = self._list_ends(follower, partitions) or listed_at
            for message in follower.consume(500, 0.02):
                self._take(message)
            if self._ends and all(self._seen.get(number, 0) >= end for number, end in self._ends.items()):
                with self._changed:
                    self._current_at = listed_at
                    self._changed.notify_all()

    def _partitions(self, follower: Consumer) -> list[int]:
        """The topic's partitions, as soon as Kafka is there and has the topic."""
        while not self._closing.is_set():
            with contextlib.suppress(KafkaException):
                found = follower.list_topics(self._topic, timeout=5).topics[self._topic].partitions
                if found:
                    return list(found)
            self._closing.wait(0.2)
        return []

    def _list_ends(self, follower: Consumer, partitions: list[int]) -> float | None:
        asked = time.monotonic()
        try:
            ends = {
                number: follower.get_watermark_offsets(TopicPartition(self._topic, number), timeout=2)[1]
                for number in partitions
            }
        except Exception:  # noqa: BLE001 (Kafka is away: the copy ages, which `age` tells)
            return None
        self._ends = ends
        return asked

    def _take(self, message: Message) -> None:
        error = message.error()
        number, offset = message.partition() or 0, message.offset() or 0
        if error is not None:
            if error.code() == KafkaError._PARTITION_EOF:
                self._seen[number] = max(self._seen.get(number, 0), offset)
            return
        key = message.key() or b""
        try:
            self._apply(key.decode() if isinstance(key, bytes) else key, message.value())
        except (ValueError, msgspec.MsgspecError, RecursionError) as reason:
            if self._unreadable is not None:
                self._unreadable(message, str(reason))
        self._seen[number] = max(self._seen.get(number, 0), offset + 1)
