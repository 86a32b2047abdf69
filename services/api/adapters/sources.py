"""Requests found again on the log: by their partition, and by about when the sender read them."""

import asyncio
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from services.api.domain.errors import ApiError
from shared import commands
from shared.commands import SendEmail, request_hash
from shared.kafka.config import consumer
from shared.settings import KafkaSettings
from shared.topics import REQUESTS, REQUESTS_BULK, partition_for

_AFTER: Final = timedelta(minutes=1)  # how far the clocks of sender and broker may differ
# A request was appended shortly before it was queued, or longer before when the sender was down. So it is looked for in
# the last seconds first, then further and further back, at last from the beginning.
_BEFORE: Final = (timedelta(seconds=5), timedelta(minutes=5), timedelta(hours=2), timedelta(days=400))
_SECONDS: Final = 10.0  # in all
_AT_ONCE: Final = 2


class RequestLog:
    """Looks in both request topics, two searches at a time."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._free = asyncio.Semaphore(_AT_ONCE)

    async def find(self, tenant: str, email_id: UUID, *, asked: str, queued_at: datetime) -> SendEmail | None:
        """The request with this hash, read by the sender at about `queued_at`; raises ApiError `kafka_unavailable`."""
        async with self._free:
            return await asyncio.to_thread(self._find, tenant, email_id, asked, queued_at)

    def _find(self, tenant: str, email_id: UUID, asked: str, queued_at: datetime) -> SendEmail | None:
        reader = Consumer(consumer(self._settings, group_id=f"postlog-sources-{uuid4()}"))
        try:
            for message in self._near(reader, str(email_id).encode(), queued_at):
                found = _request(message)
                if found is not None and (found.tenant, request_hash(found)) == (tenant, asked):
                    return found
        except KafkaException as error:
            raise ApiError("kafka_unavailable", "the log of requests cannot be read") from error
        finally:
            reader.close()
        return None

    def _near(self, reader: Consumer, key: bytes, queued_at: datetime) -> Iterator[Message]:
        """All records with the key, those of about that time first."""
        deadline = time.monotonic() + _SECONDS
        number = partition_for(key, self._settings.partitions)
        names = [self._settings.topic(topic.name) for topic in (REQUESTS, REQUESTS_BULK)]
        ends = {name: _offset_at(reader, name, number, queued_at + _AFTER) for name in names}
        for span in _BEFORE:
            for name in names:
                begin = _offset_at(reader, name, number, queued_at - span)
                yield from _records(reader, TopicPartition(name, number, begin), ends[name], key, deadline)
                ends[name] = min(begin, ends[name])


def _offset_at(reader: Consumer, topic: str, number: int, at: datetime) -> int:
    """The first offset at or after that time; the end, when there is none."""
    wanted = TopicPartition(topic, number, max(0, int(at.timestamp() * 1000)))
    (found,) = reader.offsets_for_times([wanted], timeout=5)
    if found.error is not None:
        raise KafkaException(found.error)
    if found.offset >= 0:
        return int(found.offset)
    return int(reader.get_watermark_offsets(TopicPartition(topic, number), timeout=5)[1])


def _records(reader: Consumer, start: TopicPartition, end: int, key: bytes, deadline: float) -> Iterator[Message]:
    """The partition's records with the key, from `start` up to, not with, `end`."""
    if start.offset >= end:
        return
    reader.assign([start])
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise ApiError("kafka_unavailable", "the log of requests could not be searched in time")
        for message in reader.consume(500, min(left, 0.5)):
            if _is_end(message):
                return
            offset = message.offset() or 0
            if offset < end and message.key() == key:
                yield message
            if offset >= end - 1:
                return


def _is_end(message: Message) -> bool:
    error = message.error()
    if error is None:
        return False
    if error.code() != KafkaError._PARTITION_EOF:
        raise KafkaException(error)
    return True


def _request(message: Message) -> SendEmail | None:
    try:
        found = commands.decode(message.value())
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return found if isinstance(found, SendEmail) else None
