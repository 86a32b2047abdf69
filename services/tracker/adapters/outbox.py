"""Records to Kafka: written ahead to the spool, sent, and sent again until Kafka has acknowledged them."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, wait
from functools import partial
from typing import Final

import structlog
from confluent_kafka import Message

from services.tracker import metrics
from services.tracker.adapters.spool import Place, Spool
from services.tracker.handlers.records import Record
from shared.kafka.producer import FutureProducer

SEND_SECONDS: Final = 0.002  # hits are sent together, and not before the readers have their answers
RETRY_SECONDS: Final = 0.2  # librdkafka tries to connect about once a second; failing sends end at once or by time-out
SYNC_SECONDS: Final = 1.0  # what a power cut can take while Kafka is away
CHUNK: Final = 500  # records on their way at once when draining: live hits have the rest of the producer's room
ACK_SECONDS: Final = 1.0  # seconds that an unsubscribe waits for Kafka before it settles for the disk

log = structlog.get_logger()
Sent = Future[Message]


class Outbox:
    """`put` never waits for Kafka: what it is given is on disk when it returns, and in Kafka soon after.

    `event_id` and `occurred_at` are in the records, so whatever is sent twice is the same fact twice.
    """

    def __init__(self, *, spool: Spool, producer: FutureProducer, topic: Callable[[str], str]) -> None:
        self._spool = spool
        self._producer = producer
        self._topic = topic
        self._kafka = _Sentence("Kafka")
        self._disk = _Sentence("the spool")
        self._written: list[tuple[Record, Place | None]] = []
        self._sync_at = 0.0
        self._stopping = threading.Event()
        self._tender = threading.Thread(target=self._tend, name="spool", daemon=True)

    def start(self) -> None:
        """Begin to send what an earlier process or an absence of Kafka left on disk."""
        self._tender.start()

    def put(self, records: Iterable[Record]) -> None:
        """Take hits over: on disk at once, sent when the reader has the answer.

        When the disk does not take them Kafka alone decides; what neither takes is counted lost.
        """
        if taken := list(records):
            if not self._written:
                asyncio.get_running_loop().call_later(SEND_SECONDS, self._send_written)
            self._written += zip(taken, self._write_ahead(taken, last_reserve=False), strict=True)

    def pretend(self, records: Iterable[Record]) -> None:
        """Take as long as `put` and do nothing: nobody is to see by the time whether a token is genuine."""
        self._spool.pretend(list(records))

    async def put_durably(self, records: Iterable[Record]) -> bool:
        """Take an unsubscribe over; False when neither Kafka nor the disk has it."""
        taken = list(records)
        places = self._write_ahead(taken, last_reserve=True)
        futures = [self._send(record, place) for record, place in zip(taken, places, strict=True)]
        ends = asyncio.gather(*map(asyncio.wrap_future, futures), return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            if not any(isinstance(end, Exception) for end in await asyncio.wait_for(asyncio.shield(ends), ACK_SECONDS)):
                return True
        return None not in places and await asyncio.to_thread(self._sync)

    def check(self) -> str | None:
        """What is wrong on this side of Kafka, or None."""
        return self._spool.check() if self._tender.is_alive() else "nothing tends the spool any more: restart"

    async def close(self, *, seconds: float) -> None:
        """Wait for Kafka so long; what is left stays in the spool for the next start."""
        self._send_written()
        await asyncio.to_thread(self._finish, seconds)

    def _finish(self, seconds: float) -> None:
        self._stopping.set()
        self._tender.join()
        self._producer.close(timeout=seconds)
        self._spool.close()
        if left := self._spool.size():
            log.warning("Kafka has not acknowledged everything: the rest waits in the spool", bytes=left)

    def _write_ahead(self, records: list[Record], *, last_reserve: bool) -> list[Place] | list[None]:
        try:
            places = self._spool.append(records, last_reserve=last_reserve)
        except OSError as error:
            self._disk.say(str(error))
            return [None] * len(records)
        self._disk.say(None)
        return places

    def _send_written(self) -> None:
        written, self._written = self._written, []
        for record, place in written:
            self._send(record, place)

    def _send(self, record: Record, place: Place | None) -> Sent:
        future = self._producer.send(
            self._topic(record.topic), key=record.key, value=record.value, headers=list(record.headers)
        )
        future.add_done_callback(partial(self._ended, place))
        return future

    def _ended(self, place: Place | None, future: Sent) -> None:
        """In the producer's thread: Kafka has the record, or the spool keeps it, or it is lost."""
        error = future.exception()
        acknowledged = error is None
        self._kafka.say(None if acknowledged else str(error))
        metrics.record("acknowledged" if acknowledged else "refused" if place else "lost")
        if place is not None:
            (self._spool.settle if acknowledged else self._spool.fail)(place)

    def _tend(self) -> None:
        """In a thread of its own: what waits is made safe against a power cut, and sent again."""
        while not self._stopping.wait(RETRY_SECONDS):
            self._sync_when_due()
            try:
                while (waiting := self._spool.take_failed()) and self._send_again(waiting):
                    pass
            except OSError as error:
                self._disk.say(str(error))

    def _send_again(self, waiting: list[tuple[Place, Record]]) -> bool:
        """In order, a chunk after the other; False as soon as one was not acknowledged."""
        for start in range(0, len(waiting), CHUNK):
            sent = [self._send(record, place) for place, record in waiting[start : start + CHUNK]]
            while wait(sent, RETRY_SECONDS).not_done:
                self._sync_when_due()
                if self._stopping.is_set():
                    return False
            if any(future.exception() for future in sent):
                for place, _ in waiting[start + CHUNK :]:
                    self._spool.fail(place)
                return False
        return True

    def _sync_when_due(self) -> None:
        if time.monotonic() > self._sync_at:
            self._sync()
            self._sync_at = time.monotonic() + SYNC_SECONDS

    def _sync(self) -> bool:
        try:
            self._spool.sync()
        except OSError as error:
            self._disk.say(str(error))
            return False
        return True


class _Sentence:
    """The last word of one side, logged when it turns: not once for every hit."""

    def __init__(self, side: str) -> None:
        self._side = side
        self._trouble: str | None = None

    def say(self, trouble: str | None) -> None:
        before, self._trouble = self._trouble, trouble
        if trouble and not before:
            log.error(f"{self._side} does not take records", reason=trouble)
        elif before and not trouble:
            log.info(f"{self._side} takes records again")
