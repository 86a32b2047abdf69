"""From records to facts: what each one is, which ones nobody can read, and which one this release cannot."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from itertools import groupby
from typing import Any, Final
from uuid import UUID

import msgspec
from confluent_kafka import Message

from services.projector.handlers.ports import Batch, Fact, Partition, PersonalWord, Reached
from shared.events.codec import UnknownFact, UnreadableRecord, decode
from shared.records import decode_personal
from shared.topics import EVENTS

_NUL: Final = b"\\u0000"  # as JSON writes it; PostgreSQL's text cannot hold the character
_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
TopicName = Callable[[str], str]


@dataclass(kw_only=True)
class Reading:
    """What a read brought. A partition in `blocked` was read only up to a fact of the future; the sentence names it."""

    batch: Batch = field(default_factory=Batch)
    taken: list[Message] = field(default_factory=list)
    unreadable: list[tuple[Message, str]] = field(default_factory=list)
    blocked: dict[Partition, str] = field(default_factory=dict)


def read(messages: Iterable[Message], *, name_of: TopicName) -> Reading:
    """Sort records and ends of partitions; `name_of` gives a topic's name without the prefix."""
    reading = Reading()
    for (topic, number), run in groupby(messages, key=lambda one: (one.topic(), one.partition())):
        place = Partition(name_of(topic or ""), number or 0)
        if place not in reading.blocked:
            _read_run(reading, place, run)
    return reading


def _read_run(reading: Reading, place: Partition, messages: Iterable[Message]) -> None:
    """Messages of one partition, up to the first that is a fact of the future."""
    take = _take_fact if place.topic == EVENTS.name else _take_personal
    begun = len(reading.taken)
    for message in messages:
        try:
            if message.error() is None:
                take(reading.batch, place.number, message)
        except UnknownFact as unknown:
            reading.blocked[place] = str(unknown)
            break
        except UnreadableRecord as reason:
            reading.unreadable.append((message, str(reason)))
        reading.taken.append(message)
    for message in reading.taken[begun:][-2:]:  # the last record may be followed by the partition's end
        _reach(reading.batch.reached, place, message)


def _reach(reached: dict[Partition, Reached], place: Partition, message: Message) -> None:
    offset = message.offset() or 0
    if message.error() is None:
        reached[place] = Reached(offset + 1, _time(message.timestamp()[1]))
    else:  # what stands between the last record and the end are marks of transactions
        before = reached.get(place)
        reached[place] = Reached(offset, before.logged_at if before else None)


@lru_cache(1024)
def _time(milliseconds: int) -> datetime:
    """A record's time. Records that were logged together have the same."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _take_fact(batch: Batch, partition: int, message: Message) -> None:
    value = message.value()
    if value is None:
        raise UnreadableRecord("a null on a topic that is not compacted")
    value = _without_nul(value)
    event = decode(value)
    try:
        body = value.decode()
    except UnicodeDecodeError as error:
        raise UnreadableRecord(f"not an event: {error}") from None
    batch.facts.append(Fact(partition, message.offset() or 0, _time(message.timestamp()[1]), event, body))


def _take_personal(batch: Batch, partition: int, message: Message) -> None:
    key, value = message.key() or b"", message.value()
    try:
        email_id = UUID(key.decode() if isinstance(key, bytes) else key)
        part = None if value is None else decode_personal(_without_nul(value))
    except (ValueError, RecursionError) as error:
        raise UnreadableRecord(f"not the personal part of an email: {error}") from None
    batch.personal.append(PersonalWord(partition, message.offset() or 0, email_id, part))


def _without_nul(value: bytes) -> bytes:
    """A server's reply may hold NUL, and facts are never diverted: the character is replaced."""
    if _NUL not in value:
        return value
    try:
        return msgspec.json.encode(_replaced(msgspec.json.decode(value)))
    except (ValueError, RecursionError):
        return value  # who decodes it says what is wrong with it


def _replaced(value: Any) -> Any:
    match value:
        case str():
            return value.replace("\0", _REPLACEMENT)
        case list():
            return [_replaced(one) for one in value]
        case dict():
            return {_replaced(name): _replaced(one) for name, one in value.items()}
    return value
