"""Whatever a stranger writes onto a request topic: intake decides, and what it writes fits into a record (P13)."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from confluent_kafka import Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.sender.adapters.open_emails import OpenEmails
from services.sender.group import Group, Record
from services.sender.handlers.intake import RequestIntake
from services.sender.settings import SenderSettings
from shared.clock import SystemClock
from shared.commands import SendEmail
from shared.ids import derived_id
from shared.kafka import config
from shared.kafka.dead_letter import DeadLetterLimit, TooManyDeadLetters
from shared.kafka.producer import Headers
from shared.records import Suppression, TemplateVersion
from shared.topics import DEAD_LETTERS, REQUESTS, REQUESTS_BULK, WORK, partition_for
from tests import golden

SETTINGS = SenderSettings(
    partitions=2,
    token_keys="1:" + "ab" * 32,
    recipient_key="cd" * 32,
    dkim=[{"domain": "acme.example", "keys": []}],
)
LARGEST = config.producer(SETTINGS)["message.max.bytes"]
KNOWN = str(derived_id("known"))
COMMANDS: list[dict[str, Any]] = [
    msgspec.json.decode(golden.value(path)) | {"email_id": KNOWN, "tenant": "acme"} for path in golden.paths("commands")
]
SEND = next(command for command in COMMANDS if command.get("subject") == "Hello")
FAR = ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999-14:00", "2026-11-24T08:00:00Z", "2026-02-30T00:00:00Z"]


class NoTables:
    """Small topics with nothing in them."""

    def template(self, command: SendEmail) -> TemplateVersion | None:
        return None

    def catch_up_with_templates(self) -> None:
        """There is nothing to catch up with."""

    def suppression(self, **asked: object) -> Suppression | None:
        return None

    def current(self) -> bool:
        return True

    def paused(self, **asked: str) -> bool:
        return False

    def cancelled(self, **asked: str) -> None:
        return None

    def released_at(self, **asked: str) -> datetime | None:
        return None

    controls_version = 0


class Stage:
    """Intake over tables in a folder, one request after the other."""

    def __init__(self, folder: Path) -> None:
        self.tables = {number: OpenEmails(folder / f"{number}.db") for number in range(2)}
        ends = {REQUESTS.name: 7, REQUESTS_BULK.name: 3}
        self.intake = RequestIntake(
            SETTINGS,
            tables=NoTables(),
            clock=SystemClock(),
            ends=lambda partition: ends,
            limit=DeadLetterLimit(0),
        )
        self.offset = 0

    def ask(self, value: bytes | None, *, partition: int, headers: Headers, topic: str) -> list[Record]:
        """What intake writes about one record; each fits into a record of ours."""
        self.offset += 1
        group = Group(self.tables)
        stamp = (2, int(datetime(2026, 11, 24, 8, tzinfo=UTC).timestamp() * 1000))
        message = Message(topic, partition, self.offset, b"k", value, headers, None, stamp)
        self.intake.handle(group, [message])
        for number, table in self.tables.items():
            changes = table.changes()
            rows = [Record(WORK.name, str(key).encode(), row.value, [], number) for key, row in changes.items()]
            group.records.extend(rows)
            table.commit(changes, changelog_offset=None, at=datetime.now(UTC))
        for record in group.records:
            assert size(record) < LARGEST, (record.topic, size(record))
        return group.records

    def close(self) -> None:
        for table in self.tables.values():
            table.close()


def size(record: Record) -> int:
    headers = sum(len(name) + len(value or b"") + 10 for name, value in record.headers)
    return len(record.key) + len(record.value or b"") + headers + 100


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    yield stage
    stage.close()


def home(email_id: str) -> int:
    return partition_for(email_id.encode(), 2)


LONG = ["x" * 70_000, "x" * 600_000, "\x01" * 200_000, "🎈" * 300_000]
TEXTS = st.sampled_from(["", "x", "é\u2028", "a\nb", "\x00", *LONG])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | st.sampled_from(FAR) | st.just(KNOWN),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text("ab", max_size=2), part, max_size=3),
    max_leaves=5,
)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(["traceparent", "ce_id", "ce_source", "h"]),
        st.sampled_from([b"", b"\xff", b"/postlog", b"y" * 3000, b"y" * 300_000, KNOWN.encode()]),
    ),
    max_size=4,
)


@st.composite
def bodies(draw: st.DrawFn) -> bytes | None:
    command = dict(draw(st.sampled_from(COMMANDS)))
    for name in draw(st.lists(st.sampled_from([*command, "tags", "reason", "send_at", "nonsense"]), max_size=3)):
        command[name] = draw(VALUES)
    whole = msgspec.json.encode(command)
    return draw(st.sampled_from([whole, whole, whole, whole, whole[:-1], whole + b"[" * 100_000, b"", None]))


@given(st.lists(st.tuples(bodies(), st.integers(0, 1), HEADERS, st.booleans()), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_requests_are_decided_and_what_is_written_fits(
    tmp_path_factory: pytest.TempPathFactory, requests: list[tuple[bytes | None, int, Headers, bool]]
) -> None:
    stage = Stage(tmp_path_factory.mktemp("tables"))
    for value, partition, headers, bulk in requests:
        stage.ask(value, partition=partition, headers=headers, topic=(REQUESTS_BULK if bulk else REQUESTS).name)
    stage.close()


def test_an_absurd_date_is_refused(stage: Stage) -> None:
    send = msgspec.json.encode(SEND)
    move = {"type": "RescheduleEmail", "email_id": KNOWN, "tenant": "acme", "send_at": FAR[1]}
    stage.ask(send, partition=home(KNOWN), headers=[], topic=REQUESTS.name)
    (record,) = stage.ask(msgspec.json.encode(move), partition=home(KNOWN), headers=[], topic=REQUESTS.name)
    assert b'"send_at_too_far"' in (record.value or b"")


def test_commands_without_end_for_an_email_that_is_not_there(stage: Stage) -> None:
    unknown = str(UUID(int=17))
    body = msgspec.json.encode({"type": "HoldEmail", "email_id": unknown, "reason": "r" * 190})
    for _ in range(40):
        records = stage.ask(body, partition=home(unknown), headers=[], topic=REQUESTS.name)
    assert b'"unknown_email"' in (records[0].value or b"")


def test_a_record_that_is_too_large_to_be_forwarded_is_buried(stage: Stage) -> None:
    body = msgspec.json.encode(SEND | {"html": "x" * 1_100_000})
    (record,) = stage.ask(body, partition=1 - home(KNOWN), headers=[], topic=REQUESTS.name)
    assert record.topic == DEAD_LETTERS.name


def test_a_request_that_is_too_large_is_rejected_at_home(stage: Stage) -> None:
    body = msgspec.json.encode(SEND | {"tags": ["x" * 2_000_000]})
    records = stage.ask(body, partition=home(KNOWN), headers=[], topic=REQUESTS.name)
    assert any(b'"email.rejected"' in (record.value or b"") for record in records)


def test_a_malformed_trace_context_is_not_carried_on(stage: Stage) -> None:
    body = msgspec.json.encode(SEND)
    for record in stage.ask(body, partition=home(KNOWN), headers=[("traceparent", b"y" * 999)], topic=REQUESTS.name):
        assert dict(record.headers).get("traceparent") != b"y" * 999


def test_garbage_of_our_own_producers_stops_the_sender_after_the_limit(stage: Stage) -> None:
    with pytest.raises(TooManyDeadLetters):
        stage.ask(b"garbage", partition=0, headers=[("ce_source", b"/postlog/api")], topic=REQUESTS.name)
