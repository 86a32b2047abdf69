"""From records to facts: what each one is, which ones nobody can read, and which one this release cannot."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from confluent_kafka import Message

from services.projector.handlers.ports import Batch, Fact, Partition, PersonalWord, Reached
from shared.events.codec import UnknownFact, UnreadableRecord, decode
from shared.records import decode_personal
from shared.topics import EVENTS, PERSONAL

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
    for message in messages:
        place = Partition(name_of(message.topic() or ""), message.partition() or 0)
        if place in reading.blocked:
            continue
        try:
            _take(reading, place, message)
        except UnknownFact as unknown:
            reading.blocked[place] = str(unknown)
            continue
        except UnreadableRecord as reason:
            reading.unreadable.append((message, str(reason)))
        reading.taken.append(message)
        _reach(reading.batch.reached, place, message)
    return reading


def logged_at(message: Message) -> datetime:
    """The record's time, to the millisecond."""
    return datetime.fromtimestamp(message.timestamp()[1] / 1000, UTC)


def _take(reading: Reading, place: Partition, message: Message) -> None:
    if message.error() is not None:
        return
    if place.topic == EVENTS.name:
        reading.batch.facts.append(_fact(place, message))
    elif place.topic == PERSONAL.name:
        reading.batch.personal.append(_personal_word(place, message))


def _reach(reached: dict[Partition, Reached], place: Partition, message: Message) -> None:
    offset = message.offset() or 0
    if message.error() is None:
        reached[place] = Reached(offset + 1, logged_at(message))
    else:  # the partition's end: what stands between the last record and it are marks of transactions
        before = reached.get(place)
        reached[place] = Reached(offset, before.logged_at if before else None)


def _fact(place: Partition, message: Message) -> Fact:
    value = message.value()
    if value is None:
        raise UnreadableRecord("a null on a topic that is not compacted")
    value = _without_nul(value)
    event = decode(value)
    try:
        body = value.decode()
    except UnicodeDecodeError as error:
        raise UnreadableRecord(f"not an event: {error}") from None
    return Fact(place.number, message.offset() or 0, logged_at(message), event, body)


def _personal_word(place: Partition, message: Message) -> PersonalWord:
    value = message.value()
    try:
        email_id = UUID((message.key() or b"").decode())
        part = None if value is None else decode_personal(_without_nul(value))
    except (ValueError, RecursionError) as error:
        raise UnreadableRecord(f"not the personal part of an email: {error}") from None
    return PersonalWord(place.number, message.offset() or 0, email_id, part)


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
