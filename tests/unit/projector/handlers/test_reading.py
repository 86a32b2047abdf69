"""Reading: facts, ends of partitions, what nobody can read, and what this release cannot."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from services.projector.handlers.ports import Partition, Reached
from services.projector.handlers.reading import Reading, read
from shared import records
from shared.events import EmailDelivered, EmailQueued, codec
from shared.records import PersonalPart
from tests import golden

T = 1_795_000_000_123
AT = datetime.fromtimestamp(T / 1000, UTC)
FACTS = Partition("email.events", 0)
PARTS = Partition("email.personal", 0)
FUTURE = codec.encode(golden.event(EmailQueued)).replace(b'"type":"email.queued"', b'"type":"email.beamed"')


class Record:
    """A record, or with `end` the end of a partition, as the client library gives them."""

    def __init__(
        self, value: bytes | None, *, offset: int, topic: str = "p.email.events", key: bytes = b"", end: bool = False
    ) -> None:
        self._value, self._offset, self._topic, self._key, self._end = value, offset, topic, key, end

    def topic(self) -> str:
        return self._topic

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self._offset

    def key(self) -> bytes:
        return self._key

    def value(self) -> bytes | None:
        return self._value

    def timestamp(self) -> tuple[int, int]:
        return 2, T

    def error(self) -> object | None:
        return "the end" if self._end else None


def reading_of(*records: Any) -> Reading:
    return read(records, name_of=lambda name: name.removeprefix("p."))


def a_fact(**changes: Any) -> bytes:
    return codec.encode(msgspec.structs.replace(golden.event(EmailDelivered), **changes))


def test_a_fact_is_kept_as_it_stands_in_the_log_with_its_place() -> None:
    value = a_fact()
    reading = reading_of(Record(value, offset=41))
    (fact,) = reading.batch.facts
    assert (fact.partition, fact.offset, fact.logged_at) == (0, 41, AT)
    assert fact.event == golden.event(EmailDelivered)
    assert fact.body == value.decode()
    assert reading.batch.reached == {FACTS: Reached(42, AT)}


def test_an_end_moves_the_position_past_the_marks_of_transactions() -> None:
    reading = reading_of(Record(a_fact(), offset=41), Record(None, offset=44, end=True))
    assert reading.batch.reached == {FACTS: Reached(44, AT)}
    assert reading_of(Record(None, offset=44, end=True)).batch.reached == {FACTS: Reached(44, None)}


@pytest.mark.parametrize(
    "value",
    [None, b"", b"garbage", b"{}", b'{"type":"order.paid"}', b'{"type":"email.queued"}', b"[" * 100_000, b"\xff"],
)
def test_what_nobody_can_read_is_set_aside_and_the_position_moves(value: bytes | None) -> None:
    reading = reading_of(Record(a_fact(), offset=1), Record(value, offset=2), Record(a_fact(), offset=3))
    assert [message.offset() for message, _ in reading.unreadable] == [2]
    assert [fact.offset for fact in reading.batch.facts] == [1, 3]
    assert reading.batch.reached[FACTS].next_offset == 4


def test_text_that_is_not_utf8_is_unreadable_also_in_a_field_we_do_not_know() -> None:
    value = a_fact().replace(b"{", b'{"extra":"\xff",', 1)
    assert len(reading_of(Record(value, offset=1)).unreadable) == 1


@pytest.mark.parametrize("value", [FUTURE, a_fact().replace(b"{", b'{"version":9,', 1)])
def test_a_fact_of_the_future_blocks_its_partition_and_no_other(value: bytes) -> None:
    reading = reading_of(
        Record(a_fact(), offset=1),
        Record(value, offset=2),
        Record(a_fact(), offset=3),
        Record(None, offset=8, topic="p.email.personal", key=str(uuid4()).encode()),
        Record(a_fact(), offset=4),
    )
    assert "upgrade" in reading.blocked[FACTS]
    assert (reading.batch.reached[FACTS].next_offset, len(reading.batch.facts)) == (2, 1)
    assert reading.batch.reached[PARTS].next_offset == 9
    assert not reading.unreadable
    assert [message.offset() for message in reading.taken] == [1, 8]


def test_a_partition_that_begins_with_a_fact_of_the_future_has_not_moved() -> None:
    assert FACTS not in reading_of(Record(FUTURE, offset=2)).batch.reached


def test_a_nul_in_a_reply_is_replaced_as_postgres_cannot_hold_it() -> None:
    (fact,) = reading_of(Record(a_fact(smtp_reply_text="ok\0 \\u0000"), offset=1)).batch.facts
    assert isinstance(fact.event, EmailDelivered)
    assert fact.event.smtp_reply_text == "ok\N{REPLACEMENT CHARACTER} \\u0000"
    assert "\\u0000 " not in fact.body and "\0" not in fact.body


def test_a_nul_is_replaced_wherever_it_stands_and_garbage_with_one_is_still_garbage() -> None:
    queued = codec.encode(msgspec.structs.replace(golden.event(EmailQueued), tags=("a\0b", "c")))
    (fact,) = reading_of(Record(queued, offset=1)).batch.facts
    assert isinstance(fact.event, EmailQueued)
    assert fact.event.tags == ("a\N{REPLACEMENT CHARACTER}b", "c")
    assert len(reading_of(Record(b'{"type":"\\u0000', offset=1)).unreadable) == 1


def test_personal_parts_and_their_tombstones() -> None:
    part, email_id = PersonalPart(tenant="default", address="ada@example.org"), UUID(int=5)
    words = {"topic": "p.email.personal", "key": str(email_id).encode()}
    reading = reading_of(Record(records.encode(part), offset=1, **words), Record(None, offset=2, **words))  # type: ignore[arg-type]
    assert [(word.email_id, word.part) for word in reading.batch.personal] == [(email_id, part), (email_id, None)]


@pytest.mark.parametrize(("key", "value"), [(b"no id", None), (b"\xff", b"{}"), (str(UUID(int=5)).encode(), b"{}")])
def test_a_personal_part_without_an_id_or_an_address_is_unreadable(key: bytes, value: bytes | None) -> None:
    reading = reading_of(Record(value, offset=1, topic="p.email.personal", key=key))
    assert len(reading.unreadable) == 1


@pytest.mark.parametrize("path", golden.paths("events"), ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_every_golden_event_is_read(path: Any) -> None:
    (fact,) = reading_of(Record(golden.value(path), offset=1)).batch.facts
    assert fact.event == golden.decode(path)
