"""Commands that came before their email keep their own trace (W3C), whether the email comes or not."""

from collections import deque
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
from confluent_kafka import TopicPartition

from services.sender.domain.commands import GRACE
from services.sender.group import Group, Record
from services.sender.handlers.proofs import Proofs
from services.sender.handlers.timers import Timers
from services.sender.positions import Positions
from services.sender.ready import Ready
from shared.clock import SystemClock
from shared.commands import CancelEmail, SendEmail, encode
from shared.events import EmailEvent
from shared.ids import new_id
from shared.topics import EVENTS, REQUESTS, REQUESTS_BULK, partition_for
from tests.unit.sender.test_strangers import SETTINGS, Stage

EARLY = "00-11111111111111111111111111111111-2222222222222222-01"
LATE = "00-33333333333333333333333333333333-4444444444444444-01"
TOPICS = (REQUESTS.name, REQUESTS_BULK.name)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    yield stage
    stage.close()


class Later(SystemClock):
    """A clock that is ahead."""

    def now(self) -> datetime:
        return super().now() + GRACE + timedelta(seconds=1)


class NoDoubts:
    """A reader of the log that is asked for no proof."""

    def __init__(self) -> None:
        self.found: deque[tuple[int, EmailEvent]] = deque()

    def look_for(self, wanted: dict[int, dict[UUID, datetime]]) -> None:
        assert wanted == {}

    def has_looked(self, partition: int, email_id: UUID, *, until: float) -> bool:
        return True


def home(email_id: UUID) -> int:
    return partition_for(str(email_id).encode(), SETTINGS.partitions)


def facts(records: list[Record]) -> list[tuple[str, str]]:
    """Types and traces of the facts."""
    found = [record for record in records if record.topic == EVENTS.name]
    traces = [dict(one.headers)["traceparent"] or b"" for one in found]
    return [
        (msgspec.json.decode(one.value or b"")["type"], trace.decode() if isinstance(trace, bytes) else trace)
        for one, trace in zip(found, traces, strict=True)
    ]


def cancel(stage: Stage, email_id: UUID) -> None:
    command = encode(CancelEmail(email_id=email_id, command_id=new_id()))
    asked = stage.ask(command, partition=home(email_id), headers=[("traceparent", EARLY.encode())], topic=REQUESTS.name)
    assert facts(asked) == []


def test_when_the_email_comes(stage: Stage) -> None:
    email_id = new_id()
    cancel(stage, email_id)
    email = encode(SendEmail(email_id=email_id, sender="a@acme.example", to="b@b.example", subject="s", text="t"))
    written = stage.ask(email, partition=home(email_id), headers=[("traceparent", LATE.encode())], topic=REQUESTS.name)
    assert facts(written) == [("email.queued", LATE), ("email.cancelled", EARLY)]


def test_when_it_never_comes(stage: Stage) -> None:
    email_id = new_id()
    cancel(stage, email_id)
    clock, waiting = Later(), Ready()
    positions = Positions(TOPICS, clock)
    positions.start([TopicPartition(topic, home(email_id), 1000) for topic in TOPICS])
    for number, table in stage.tables.items():
        waiting.add_partition(number, table)
        for name, due in table.queues():
            waiting.note(number, name, due, now=clock.now().timestamp())
    group = Group(stage.tables)
    proofs = Proofs(NoDoubts(), clock=clock)
    Timers(SETTINGS, waiting=waiting, clock=clock, positions=positions, proofs=proofs).handle(group)
    assert facts(group.records) == [("email.request_refused", EARLY)]
