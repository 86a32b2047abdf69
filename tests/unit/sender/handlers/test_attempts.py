"""Marks: what is told to the delivery is told once."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace

from services.sender.adapters.open_emails import OpenEmails
from services.sender.domain.broker_time import BrokerTime
from services.sender.domain.shares import Share
from services.sender.group import Group
from services.sender.handlers.attempts import Attempts
from services.sender.handlers.batch_rates import BatchRates
from services.sender.ready import Ready
from services.sender.settings import SenderSettings
from shared.clock import SystemClock
from shared.events import EmailSending
from shared.events.envelope import Stream
from shared.records import OpenEmail
from tests.fakes.connections import FakeRouter
from tests.fakes.controls import Said
from tests.fakes.delivery import FakeDelivery
from tests.unit.sender.examples import REQUEST, an_open

NOW = datetime.now(UTC)
WHOLE = Share(owned=frozenset({0}), partitions=1)


class Everything:
    """Tables and limits that stand in nobody's way."""

    controls_version = 0

    def current(self) -> bool:
        return True

    def suppression(self, **_: object) -> None:
        return None

    def paused(self, **_: str) -> bool:
        return False

    def cancelled(self, **_: str) -> None:
        return None

    def source_opens_at(self, stream: str, *, now: float) -> float:
        return 0.0

    def opens_at(self, site: str, *, stream: str, now: float) -> float:
        return 0.0

    def taken(self, site: str, *, stream: str, now: float) -> None:
        """No books."""

    def released(self, site: str) -> None:
        """No books."""


class Books:
    """The books of one partition, and a delivery that asks for marks and is told."""

    def __init__(self, folder: Path) -> None:
        settings = SenderSettings(token_keys="1:" + "ab" * 32, recipient_key="cd" * 32)
        self.table, self.ready, self.delivery = OpenEmails(folder / "0.db"), Ready(), FakeDelivery(None)
        self.ready.add_partition(0, self.table)
        clear: Any = Everything()
        delivery: Any = self.delivery
        router: Any = FakeRouter()
        self.attempts = Attempts(
            settings,
            ready=self.ready,
            tables=clear,
            delivery=delivery,
            router=router,
            limits=clear,
            batch_rates=BatchRates(controls=Said(), share=lambda: WHOLE, broker_time=BrokerTime()),
            clock=SystemClock(),
            epochs={0: 1},
            report_late=lambda job, ended: None,
        )

    def group(self) -> Group:
        return Group({0: self.table})

    def queue(self, *streams: Stream) -> list[UUID]:
        """An email of each stream, handed out."""
        for stream in streams:
            email = an_email(stream)
            self.table.put(email.request.email_id, email)
        ids = [email_id for email_id, _ in self.table.decided()]
        self.table.commit(self.table.changes(), changelog_offset=1, at=NOW)
        for name, due in self.table.queues():
            self.ready.note(0, name, due, now=NOW.timestamp())
        self.attempts.hand_out(self.group())
        return ids


def an_email(stream: Stream = "transactional") -> OpenEmail:
    request = replace(REQUEST, email_id=uuid4(), stream=stream)
    return an_open(request=request, queued_at=NOW, due_at=NOW, expires_at=NOW + timedelta(days=1))


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    made = Books(tmp_path)
    yield made
    made.table.close()


@pytest.mark.parametrize("rescheduled", [False, True])
def test_after_a_group_is_given_up_only_marks_that_were_granted_are_asked_for_again(
    books: Books, rescheduled: bool
) -> None:
    (email_id,) = books.queue("transactional")
    assert [job.email_id for job in books.delivery.marks] == [email_id]
    group = books.group()
    if rescheduled:  # in the group that is given up: afterwards the row is due again
        group.put(0, email_id, replace(an_email(), due_at=NOW + timedelta(hours=1)))
    books.attempts.collect(group)
    books.table.rollback()
    for call in reversed(group.given_up):
        call()
    assert [job.email_id for job in books.delivery.marks] == ([] if rescheduled else [email_id])
    assert [job.email_id for job in books.delivery.denied] == ([email_id] if rescheduled else [])


def test_in_a_hurry_only_transactional_mail_is_marked_and_the_rest_keeps_its_place(books: Books) -> None:
    broadcast = {*books.queue("broadcast", "broadcast")}
    (urgent,) = books.queue("transactional")
    waiting = [job.email_id for job in books.delivery.marks]
    group = books.group()
    books.attempts.collect(group, hurry=True)
    assert [fact.email_id for fact, _ in group.facts if isinstance(fact, EmailSending)] == [urgent]
    assert [job.email_id for job in books.delivery.marks] == [each for each in waiting if each in broadcast]
    books.attempts.collect(group)
    assert not books.delivery.marks


def test_the_mark_of_urgent_mail_just_handed_out_goes_into_the_same_group(books: Books) -> None:
    (urgent,) = books.queue("transactional")
    group = books.group()
    books.attempts.gather(group)
    assert [fact.email_id for fact, _ in group.facts if isinstance(fact, EmailSending)] == [urgent]


def test_a_mark_that_takes_its_time_is_waited_for_a_moment_only(books: Books) -> None:
    books.queue("transactional")
    late = books.delivery.marks.pop()
    group, begun = books.group(), time.monotonic()
    books.attempts.gather(group)
    assert group.empty
    assert 0.005 <= time.monotonic() - begun < 1
    books.delivery.marks.append(late)
    books.attempts.collect(group)
    assert len(group.facts) == 1


def test_nobody_waits_for_a_broadcast(books: Books) -> None:
    books.queue("broadcast")
    group = books.group()
    books.attempts.gather(group)
    assert group.empty
    assert len(books.delivery.marks) == 1
