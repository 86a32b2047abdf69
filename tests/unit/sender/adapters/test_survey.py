"""What the metrics say of the tables: counts and the oldest due email, read beside the owner."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from services.sender.adapters.open_emails import OpenEmails
from services.sender.adapters.survey import FRESH_SECONDS, Survey
from services.sender.ready import QueueKey
from shared.commands import SendEmail
from shared.records import OpenEmail, OpenStatus

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Hands:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds)

    def boottime(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.fixture
def table(tmp_path: Path) -> OpenEmails:
    return OpenEmails(tmp_path / "partition-0.db")


def put(table: OpenEmails, *, due: float, status: OpenStatus = "queued", to: str = "a.example", **request: str) -> None:
    """A committed row that has been due for so many seconds (negative: it will be)."""
    email_id = uuid4()
    at = NOW - timedelta(seconds=due)
    email = OpenEmail(
        request=SendEmail(sender="a@acme.test", to=f"b@{to}", email_id=email_id, **request),  # type: ignore[arg-type]
        status=status,
        request_hash="",
        recipient_ref="",
        recipient_domain=to,
        queued_at=at,
        due_at=at,
        expires_at=NOW + timedelta(days=1),
    )
    table.put(email_id, email)
    table.commit(table.changes(), changelog_offset=1, at=NOW)
    table.flush()


def survey(table: OpenEmails, clock: Hands, *, paused: str = "") -> Survey:
    def is_paused(key: QueueKey) -> bool:
        return key.destination == paused

    return Survey(lambda: [(0, table.path)], paused=is_paused, clock=clock)


def test_what_waits_is_counted_by_stream(table: OpenEmails) -> None:
    put(table, due=5)
    put(table, due=30, to="b.example")
    put(table, due=-600, status="scheduled")
    put(table, due=-60, status="in_doubt")
    put(table, due=2, stream="broadcast")
    put(table, due=900, status="sending")
    seen = survey(table, Hands())
    assert (seen.waiting("transactional"), seen.waiting("broadcast"), seen.in_doubt()) == (3, 1, 1)
    assert (seen.overdue("transactional"), seen.overdue("broadcast")) == (30, 2)


def test_what_is_on_hold_or_not_yet_due_is_not_overdue(table: OpenEmails) -> None:
    put(table, due=5000, to="held.example")
    put(table, due=-600, to="b.example")
    seen = survey(table, Hands(), paused="held.example")
    assert (seen.waiting("transactional"), seen.overdue("transactional")) == (2, 0)


def test_it_looks_again_only_after_a_while(table: OpenEmails) -> None:
    clock = Hands()
    seen = survey(table, clock)
    assert seen.waiting("transactional") == 0
    put(table, due=5)
    assert seen.waiting("transactional") == 0
    clock.sleep(FRESH_SECONDS)
    assert (seen.waiting("transactional"), seen.overdue("transactional")) == (1, 5 + FRESH_SECONDS)


def test_a_file_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    seen = Survey(lambda: [(0, tmp_path / "none.db")], paused=lambda key: False, clock=Hands())
    assert (seen.waiting("transactional"), seen.in_doubt(), seen.overdue("transactional")) == (0, 0, 0)
    assert list(tmp_path.iterdir()) == []
