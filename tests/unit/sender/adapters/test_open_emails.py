"""A partition's table: what a group sees, what a commit keeps, what a cache is worth."""

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from services.sender.adapters.open_emails import MAX_AGE_SECONDS, MOST_UNWRITTEN, OpenEmails
from shared.commands import SendEmail
from shared.records import FinalEmail, OpenEmail

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
QUEUE = "transactional\x1fdefault\x1f\x1fexample.com"


def an_email(email_id: UUID, **changes: object) -> OpenEmail:
    known: dict[str, object] = {
        "request": SendEmail(email_id=email_id, sender="a@acme.test", to="b@example.com"),
        "status": "queued",
        "request_hash": "h",
        "recipient_ref": "r",
        "recipient_domain": "example.com",
        "queued_at": NOW,
        "due_at": NOW,
        "expires_at": NOW + timedelta(days=4),
    }
    return OpenEmail(**{**known, **changes})  # type: ignore[arg-type]


def commit(table: OpenEmails, *, offset: int | None = None, at: datetime = NOW) -> None:
    table.commit(table.changes(), changelog_offset=offset, at=at)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "partition-0.db"


def test_a_group_that_is_given_up_leaves_nothing(file: Path) -> None:
    table, email_id = OpenEmails(file), uuid4()
    table.put(email_id, an_email(email_id))
    assert table.get(email_id) == an_email(email_id)
    table.rollback()
    assert table.get(email_id) is None
    table.close()


def test_what_is_committed_is_there_for_the_next_process(file: Path) -> None:
    table, email_id = OpenEmails(file), uuid4()
    table.put(email_id, an_email(email_id))
    commit(table, offset=7)
    table.put(email_id, None)  # a group under way when the process ends
    table.close()
    again = OpenEmails(file)
    assert again.get(email_id) == an_email(email_id)
    assert again.offset() == 7
    again.close()


def test_the_last_word_on_a_row_counts_whatever_layer_it_is_in(file: Path) -> None:
    table, email_id = OpenEmails(file), uuid4()
    for attempt in range(4):
        table.put(email_id, an_email(email_id, attempt=attempt))
        commit(table)
        assert table.get(email_id) == an_email(email_id, attempt=attempt)
        assert table.due(QUEUE, now=NOW.timestamp(), limit=9) == [email_id]  # written to the file by now
        table.look_up([email_id, uuid4()])
        assert table.get(email_id) == an_email(email_id, attempt=attempt)
    table.put(email_id, None)
    commit(table)
    assert table.get(email_id) is None
    table.look_up([email_id])
    assert table.get(email_id) is None
    table.close()


def test_a_row_that_was_absent_is_seen_once_it_is_there(file: Path) -> None:
    table, email_id = OpenEmails(file), uuid4()
    table.look_up([email_id])
    assert table.get(email_id) is None
    table.put(email_id, an_email(email_id))
    assert table.get(email_id) == an_email(email_id)
    commit(table)
    assert table.count() == 1
    assert table.get(email_id) == an_email(email_id)
    table.close()


def test_many_rows_reach_the_file_by_themselves(file: Path) -> None:
    table, reader = OpenEmails(file), OpenEmails(file)
    for email_id in [uuid4() for _ in range(MOST_UNWRITTEN)]:
        table.put(email_id, an_email(email_id))
    commit(table)
    assert reader.count() == MOST_UNWRITTEN
    table.close()
    reader.close()


def test_rows_come_by_due_time_and_final_ones_do_not(file: Path) -> None:
    table = OpenEmails(file)
    first, second, later, ended = (uuid4() for _ in range(4))
    table.put(second, an_email(second, due_at=NOW + timedelta(seconds=2)))
    table.put(first, an_email(first, due_at=NOW + timedelta(seconds=1)))
    table.put(later, an_email(later, due_at=NOW + timedelta(seconds=60)))
    table.put(ended, FinalEmail(tenant="default", request_hash="h", outcome="delivered", attempt=1, final_at=NOW))
    commit(table)
    soon = NOW.timestamp() + 5
    assert table.due(QUEUE, now=soon, limit=9) == [first, second]
    assert table.next_due(QUEUE, after=soon) == NOW.timestamp() + 60
    assert table.finals_before(NOW + timedelta(seconds=1), limit=9) == [ended]
    assert list(table.queues()) == [(QUEUE, NOW.timestamp() + 1)]
    assert table.count() == 3
    table.close()


@pytest.mark.parametrize(
    ("log", "end", "age"),
    [("another", 100, 0.0), ("same", 6, 0.0), ("same", 100, MAX_AGE_SECONDS + 1)],
    ids=["of another log", "of more than there is of the log", "too old"],
)
def test_a_cache_that_cannot_be_trusted_is_emptied(file: Path, log: str, end: int, age: float) -> None:
    table, email_id = OpenEmails(file), uuid4()
    table.check(log="same", end=0, now=NOW)
    table.put(email_id, an_email(email_id))
    commit(table, offset=7)
    table.close()
    again = OpenEmails(file)
    again.check(log=log, end=end, now=NOW + timedelta(seconds=age))
    assert (again.count(), again.offset()) == (0, 0)
    again.close()


def test_a_cache_of_the_same_log_is_kept(file: Path) -> None:
    table, email_id = OpenEmails(file), uuid4()
    table.check(log="same", end=0, now=NOW)
    table.put(email_id, an_email(email_id))
    commit(table, offset=7)
    table.close()
    again = OpenEmails(file)
    again.check(log="same", end=7, now=NOW + timedelta(hours=23))
    assert (again.count(), again.offset()) == (1, 7)
    again.close()


def test_a_damaged_file_is_made_anew(file: Path) -> None:
    file.write_bytes(b"this is no database" * 100)
    table = OpenEmails(file)
    assert table.count() == 0
    table.close()


def test_what_was_marked_and_what_is_doubted_is_found_without_a_look_at_the_rest(file: Path) -> None:
    table = OpenEmails(file)
    marked, doubted, again, waits = (uuid4() for _ in range(4))
    table.put(marked, an_email(marked, status="sending", attempt=1))
    table.put(doubted, an_email(doubted, status="in_doubt", attempt=1, doubts=1))
    table.put(again, an_email(again, status="sending", attempt=2, doubts=1))
    table.put(waits, an_email(waits))
    commit(table)
    assert {email_id for email_id, _ in table.with_status_sending()} == {marked, again}
    assert table.doubted().keys() == {doubted, again}
    plans = " ".join(str(row) for row in table._db.execute("explain query plan select id from email where care = 'x'"))
    assert "by_care" in plans
    table.put(doubted, FinalEmail(tenant="default", request_hash="h", outcome="delivered", attempt=1, final_at=NOW))
    commit(table)
    assert table.doubted().keys() == {again}
    table.close()


def test_a_file_of_an_earlier_release_is_made_anew(file: Path) -> None:
    with sqlite3.connect(file) as old:
        old.executescript("create table email (id blob primary key, queue text, due real, final_at real, value blob)")
    old.close()
    table = OpenEmails(file)
    assert table.doubted() == {} and table.count() == 0
    table.close()
