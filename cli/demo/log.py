"""Reading `email.events`: every committed record, as bytes, by a client of the demo's own."""

import time
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from cli.errors import CommandError
from shared.topics import EVENTS

PATIENCE: Final = 20.0  # seconds


@dataclass(frozen=True, kw_only=True)
class Record:
    """One record as it stands in the log; `headers` are names and values one after the other."""

    value: bytes
    key: bytes = b""
    headers: tuple[bytes, ...] = ()


def read_log(brokers: str) -> list[Record]:
    """All committed records of `email.events`, each partition's in order; CommandError when that takes too long."""
    options = {"bootstrap.servers": brokers, "group.id": f"demo-{uuid4()}", "isolation.level": "read_committed"}
    reader = Consumer(options | {"enable.auto.commit": False, "enable.partition.eof": True})
    try:
        numbers = list(reader.list_topics(EVENTS.name, timeout=PATIENCE).topics[EVENTS.name].partitions)
        reader.assign([TopicPartition(EVENTS.name, number, 0) for number in numbers])
        return _read_to_the_end(reader, len(numbers))
    finally:
        reader.close()


def _read_to_the_end(reader: Consumer, partitions: int) -> list[Record]:
    found, ended, deadline = [], 0, time.monotonic() + PATIENCE
    while ended < partitions:
        if time.monotonic() > deadline:
            raise CommandError("the log could not be read to its end in time")
        for message in reader.consume(5000, 0.2):
            if (error := message.error()) is None:
                found.append(_record(message))
            elif error.code() == KafkaError._PARTITION_EOF:
                ended += 1
            else:
                raise CommandError(f"the log cannot be read: {error.str()}")
    return found


def _record(message: Message) -> Record:
    headers = message.headers() or []
    pairs = headers.items() if isinstance(headers, dict) else headers
    return Record(
        value=_bytes(message.value()),
        key=_bytes(message.key()),
        headers=tuple(part for pair in pairs for part in map(_bytes, pair)),
    )


def _bytes(value: str | bytes | None) -> bytes:
    return value.encode() if isinstance(value, str) else value or b""
