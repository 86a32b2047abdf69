"""Two producers: plain ones with futures, and transactional ones whose errors are of three kinds."""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer, TopicPartition

from shared.kafka.config import Config

Headers = list[tuple[str, str | bytes | None]]


class ProduceFailed(RuntimeError):
    """Kafka did not take the record (away, queue full, too large); `retriable` says whether asking again may help."""

    def __init__(self, reason: str, *, retriable: bool) -> None:
        super().__init__(reason)
        self.retriable = retriable


class FutureProducer:
    """A plain producer: `send` returns a future that is done when Kafka has acknowledged, with the record's offset.

    In flight is bounded; past it `send` fails at once instead of waiting. Poll has a thread of its own.
    """

    def __init__(self, config: Config, *, max_in_flight: int = 10_000, timeout_ms: int = 10_000) -> None:
        self._producer = Producer(config | {"delivery.timeout.ms": timeout_ms})
        self._room = threading.Semaphore(max_in_flight)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._poll, name="producer-poll", daemon=True)
        self._thread.start()

    def send(
        self, topic: str, *, key: bytes, value: bytes | None, headers: Headers | None = None, partition: int = -1
    ) -> "Future[Message]":
        """Hand over one record. The future fails with `ProduceFailed`; nothing is raised here."""
        future: Future[Message] = Future()
        future.set_running_or_notify_cancel()  # a caller who gives up must not stop the thread that delivers
        if not self._room.acquire(blocking=False):
            future.set_exception(ProduceFailed("too many records are waiting for Kafka", retriable=True))
            return future

        def delivered(error: KafkaError | None, message: Message) -> None:
            self._room.release()
            if error is not None:
                future.set_exception(
                    ProduceFailed(error.str(), retriable=error.code() != KafkaError.MSG_SIZE_TOO_LARGE)
                )
            else:
                future.set_result(message)

        try:
            self._producer.produce(
                topic, value=value, key=key, headers=headers or [], partition=partition, on_delivery=delivered
            )
        except (BufferError, KafkaException) as error:
            self._room.release()
            retriable = isinstance(error, BufferError) or error.args[0].code() != KafkaError.MSG_SIZE_TOO_LARGE
            future.set_exception(ProduceFailed(str(error), retriable=retriable))
        return future

    def close(self, *, timeout: float = 10) -> int:
        """Flush with a deadline in seconds; returns how many records are left unacknowledged."""
        self._closing.set()
        self._thread.join()
        return int(self._producer.flush(timeout))

    def _poll(self) -> None:
        while not self._closing.is_set():
            self._producer.poll(0.05)


class Aborted(Exception):
    """The transaction is gone, all of it: rewind what was read and do it again."""


class Fenced(Exception):
    """Another process owns this id or these partitions: stop, write nothing."""


class Unknown(Exception):
    """Nobody can say whether the transaction committed: destroy the producer and look at the log."""


_NOT_OWNER = {
    KafkaError.ILLEGAL_GENERATION,
    KafkaError.UNKNOWN_MEMBER_ID,
    KafkaError.FENCED_INSTANCE_ID,
    KafkaError._FENCED,
    KafkaError.INVALID_PRODUCER_EPOCH,
    KafkaError.PRODUCER_FENCED,
}


class TransactionalProducer:
    """One transaction at a time. `commit` either returns, or raises `Aborted`, `Fenced` or `Unknown`.

    After `Fenced` and `Unknown` this object is dead: make a new one with the same id, which bumps the epoch and settles
    what the old one left (librdkafka speaks transaction protocol V1 only).
    """

    def __init__(self, config: Config, *, timeout: float = 10) -> None:
        self._timeout = timeout
        self._producer = Producer(config)
        self._call(self._producer.init_transactions, timeout * 3)

    def begin(self) -> None:
        """Begin a transaction."""
        self._call(self._producer.begin_transaction)

    def produce(
        self,
        topic: str,
        *,
        key: bytes,
        value: bytes | None,
        headers: Headers | None = None,
        partition: int = -1,
        on_delivery: Callable[[KafkaError | None, Message], None] | None = None,
    ) -> None:
        """Add a record to the transaction; waits while the local queue is full."""
        while True:
            try:
                self._producer.produce(
                    topic, value=value, key=key, headers=headers or [], partition=partition, on_delivery=on_delivery
                )
            except BufferError:
                self._producer.poll(0.05)
            else:
                return

    def send_offsets(self, offsets: Iterable[TopicPartition], metadata: Any) -> None:
        """Tie the *next* offsets to the transaction, with the group metadata captured at assignment (the fence)."""
        self._call(self._producer.send_offsets_to_transaction, list(offsets), metadata, self._timeout)

    def commit(self) -> None:
        """Commit. A time-out is `Unknown`."""
        self._call(self._producer.commit_transaction, self._timeout)

    def abort(self) -> None:
        """Give the transaction up; `Unknown` when that cannot be done either."""
        self._call(self._producer.abort_transaction, self._timeout)

    def _call(self, operation: Any, *arguments: Any) -> None:
        for _ in range(5):
            try:
                operation(*arguments)
            except KafkaException as failure:
                error = failure.args[0]
                if error.code() in _NOT_OWNER:
                    raise Fenced(error.str()) from failure
                if error.txn_requires_abort():
                    self.abort()
                    raise Aborted(error.str()) from failure
                if error.fatal() or not error.retriable():
                    raise Unknown(error.str()) from failure
            else:
                return
        raise Unknown(f"{operation.__name__} did not end in time")
