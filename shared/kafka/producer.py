"""Two producers: plain ones with futures, and transactional ones whose errors are of three kinds."""

import contextlib
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from typing import Any, Final, NoReturn

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer, TopicPartition

from shared.kafka.config import Config

Headers = list[tuple[str, str | bytes | None]]
log = structlog.get_logger()


class ProduceFailed(RuntimeError):
    """Kafka did not take the record (away, queue full, too large); `retriable` says whether asking again may help."""

    def __init__(self, reason: str, *, retriable: bool) -> None:
        super().__init__(reason)
        self.retriable = retriable


_Done = Callable[[ProduceFailed | Message], None]


class _Together:
    """One future for several records."""

    def __init__(self, count: int) -> None:
        self.future: Future[None] = Future()
        self.future.set_running_or_notify_cancel()  # as in `send`
        self._left = count
        self._failure: ProduceFailed | None = None
        self._lock = threading.Lock()
        if not count:
            self.future.set_result(None)

    def done(self, outcome: ProduceFailed | Message) -> None:
        """One of them is settled; by the thread that delivers, or the one that sends."""
        with self._lock:
            if isinstance(outcome, ProduceFailed):
                self._failure = self._failure or outcome
            self._left -= 1
            if self._left:
                return
        if self._failure is not None:
            self.future.set_exception(self._failure)
        else:
            self.future.set_result(None)


class FutureProducer:
    """A plain producer: `send` returns a future that is done when Kafka has acknowledged, with the record's offset.

    In flight is bounded; past it `send` fails at once instead of waiting. Poll has a thread of its own. After a fatal
    error (the broker has lost what it had acknowledged, say) the client is made anew.
    """

    def __init__(self, config: Config, *, max_in_flight: int = 10_000, timeout_ms: int = 10_000) -> None:
        self._config = config | {"delivery.timeout.ms": timeout_ms}
        self._producer = Producer(self._config)
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

        def done(outcome: ProduceFailed | Message) -> None:
            if isinstance(outcome, ProduceFailed):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)

        self._produce(topic, key=key, value=value, headers=headers or [], partition=partition, done=done)
        return future

    def send_all(self, records: Sequence[tuple[str, bytes, bytes | None, Headers]]) -> "Future[None]":
        """Hand over records (topic, key, value, headers): done when all are acknowledged, or with one's failure.

        For many at once: a future each would cost as much as the rest.
        """
        together = _Together(len(records))
        for topic, key, value, headers in records:
            self._produce(topic, key=key, value=value, headers=headers, partition=-1, done=together.done)
        return together.future

    def _produce(
        self, topic: str, *, key: bytes, value: bytes | None, headers: Headers, partition: int, done: _Done
    ) -> None:
        if not self._room.acquire(blocking=False):
            done(ProduceFailed("too many records are waiting for Kafka", retriable=True))
            return

        def delivered(error: KafkaError | None, message: Message) -> None:
            self._room.release()
            too_large = error is not None and error.code() == KafkaError.MSG_SIZE_TOO_LARGE
            done(message if error is None else ProduceFailed(error.str(), retriable=not too_large))

        try:
            self._producer.produce(
                topic, value=value, key=key, headers=headers, partition=partition, on_delivery=delivered
            )
        except (BufferError, KafkaException) as error:
            self._room.release()
            retriable = isinstance(error, BufferError) or error.args[0].code() != KafkaError.MSG_SIZE_TOO_LARGE
            done(ProduceFailed(str(error), retriable=retriable))

    def close(self, *, timeout: float = 10) -> int:
        """Flush with a deadline in seconds; returns how many records were left unacknowledged. Their futures fail."""
        self._closing.set()
        self._thread.join()
        left = int(self._producer.flush(timeout))
        if left:
            self._producer.purge()
            self._producer.flush(1)
        return left

    def _poll(self) -> None:
        while not self._closing.is_set():
            try:
                self._producer.poll(0.05)
            except KafkaException as fatal:
                log.error("the producer failed and is made anew", error=fatal.args[0].str())
                self._renew()

    def _renew(self) -> None:
        broken, self._producer = self._producer, Producer(self._config)
        with contextlib.suppress(KafkaException):
            broken.purge()
            broken.flush(1)


class Aborted(Exception):
    """The transaction is gone, all of it: rewind what was read and do it again."""


class Fenced(Exception):
    """Another process owns these partitions: stop, write nothing."""


class Unknown(Exception):
    """Nobody can say whether the transaction committed: make a new producer and look at the log."""


GRACE: Final = 2.0  # seconds that a call may take beyond its time-out
# What the group says of us (rule 1). That the *producer* was fenced says less: a transaction that took longer than its
# time-out is fenced by the broker too.
_NOT_OWNER = {KafkaError.ILLEGAL_GENERATION, KafkaError.UNKNOWN_MEMBER_ID, KafkaError.FENCED_INSTANCE_ID}


class TransactionalProducer:
    """One transaction at a time. `commit` either returns, or raises `Aborted`, `Fenced` or `Unknown`.

    After `Unknown` this object is dead: make a new one with the same id, which bumps the epoch and settles what the old
    one left (librdkafka speaks transaction protocol V1 only).
    """

    def __init__(self, config: Config, *, timeout: float = 10) -> None:
        self._timeout = timeout
        self._producer = Producer(config)
        self._call(self._producer.init_transactions, timeout, tries=3)

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
                self._call(self._producer.poll, 0.05)
            except KafkaException as failure:
                if failure.args[0].code() == KafkaError._FATAL:
                    raise Unknown(failure.args[0].str()) from failure
                raise
            else:
                return

    def send_offsets(self, offsets: Iterable[TopicPartition], metadata: Any) -> None:
        """Tie the *next* offsets to the transaction, with the group metadata captured at assignment (the fence).

        The library may never come back from this when the group's coordinator has left the cluster (librdkafka#5511),
        so it is left behind some time after its time-out.
        """
        send = self._producer.send_offsets_to_transaction
        self._call(_bounded, self._timeout + GRACE, send, list(offsets), metadata, self._timeout, tries=2)

    def commit(self) -> None:
        """Commit. A time-out is `Unknown`."""
        self._call(self._producer.commit_transaction, self._timeout)

    def settle(self, places: Iterable[tuple[str, int]]) -> None:
        """Give up a transaction that has touched these partitions, so that nothing of a lost one stays open there.

        A broker that starts again may take partitions for deleted that it only does not know yet, and never tell them
        how a transaction ended (Kafka 4.4.0): then readers of what is committed wait for ever, until the next marker.
        """
        self.begin()
        for topic, partition in places:
            self.produce(topic, key=b"", value=b"", partition=partition)
        if self._producer.flush(self._timeout):
            raise Unknown("Kafka does not take what is written")
        self.abort()

    def abort(self) -> None:
        """Give the transaction up; `Unknown` when that cannot be done either."""
        try:
            self._producer.abort_transaction(self._timeout)
        except KafkaException as failure:
            raise Unknown(failure.args[0].str()) from failure

    def _call(self, operation: Callable[..., object], *arguments: object, tries: int = 1) -> None:
        for left in reversed(range(tries)):
            try:
                operation(*arguments)
            except KafkaException as failure:
                if not (left and failure.args[0].retriable()):
                    self._give_up(failure)
            else:
                return

    def _give_up(self, failure: KafkaException) -> NoReturn:
        error: KafkaError = failure.args[0]
        if error.code() in _NOT_OWNER:
            with contextlib.suppress(Unknown):
                self.abort()  # else readers would wait for the transaction's time-out
            raise Fenced(error.str()) from failure
        if error.txn_requires_abort():
            self.abort()
            raise Aborted(error.str()) from failure
        raise Unknown(error.str()) from failure


def _bounded(seconds: float, operation: Callable[..., object], *arguments: object) -> None:
    """Call it in a thread, which is left behind when it takes longer: `Unknown`."""
    ended: Future[object] = Future()

    def call() -> None:
        try:
            ended.set_result(operation(*arguments))
        except Exception as failure:  # noqa: BLE001 (handed to whoever waits)
            ended.set_exception(failure)

    threading.Thread(target=call, name="producer-call", daemon=True).start()
    try:
        ended.result(seconds)
    except TimeoutError:
        raise Unknown(f"no answer within {seconds:g} s") from None
