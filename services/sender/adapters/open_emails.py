"""The open emails of one partition: an SQLite file that mirrors `email.work`. A cache: the changelog is the truth.

Changes pass through two layers of memory. Those of the group under way are forgotten when it is given up; those that
Kafka has committed are written to the file a little later and together, so that an email which comes and goes quickly
costs one write. What the file holds is never ahead of Kafka.
"""

import contextlib
import sqlite3
from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from services.sender.domain.queues import due_of, queue_of
from shared.records import FinalEmail, OpenEmail, Work, decode_work, encode

SCHEMA: Final = """
pragma journal_mode = wal; pragma synchronous = normal; pragma secure_delete = on;
create table if not exists email (
    id blob primary key, queue text, due real, final_at real, care text, value blob not null
) without rowid;
create index if not exists by_due on email (queue, due) where queue is not null;
create index if not exists by_care on email (care) where care is not null;
create index if not exists by_final on email (final_at) where final_at is not null;
create table if not exists meta (name text primary key, value text not null) without rowid;
"""
MARKED: Final = "marked"
DOUBTED: Final = "doubted"
HELD: Final = "held"
MAX_AGE_SECONDS: Final = 86_400  # an older cache may have missed tombstones that compaction removed (rule 6)
MOST_RECENT: Final = 256  # rows
MOST_UNWRITTEN: Final = 256  # rows; a body within a row has up to 64 KiB


class Row:
    """A changed row, with its bytes; `work` None means deleted."""

    __slots__ = ("due", "queue", "value", "work")

    def __init__(self, work: Work | None) -> None:
        self.work = work
        self.value = None if work is None else encode(work)
        self.queue = None if work is None else queue_of(work)
        self.due = None if work is None else due_of(work)


class OpenEmails:
    """One partition's table. Not thread-safe: the owner's thread alone uses it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._db = self._open()
        self._group: dict[UUID, Work | None] = {}
        self._unwritten: dict[UUID, Row] = {}
        self._recent: OrderedDict[UUID, Work] = OrderedDict()
        self._absent: set[UUID] = set()
        self._reached = int(self._meta().get("offset", "0"))
        self._at = 0.0

    def get(self, email_id: UUID) -> Work | None:
        """The row of an email, as decided so far."""
        if email_id in self._group:
            return self._group[email_id]
        unwritten = self._unwritten.get(email_id)
        if unwritten is not None:
            return unwritten.work
        recent = self._recent.get(email_id)
        if recent is not None or email_id in self._absent:
            return recent
        row = self._db.execute("select value from email where id = ?", (email_id.bytes,)).fetchone()
        return None if row is None else self._remembered(email_id, decode_work(row[0]))

    def look_up(self, email_ids: Collection[UUID]) -> None:
        """Look these up all at once: `get` answers from memory then, also that there is no such row."""
        asked = [email_id.bytes for email_id in email_ids]
        marks = ",".join("?" * len(asked))
        rows = self._db.execute(f"select id, value from email where id in ({marks})", asked).fetchall()  # noqa: S608 (marks)
        found = {UUID(bytes=row[0]): decode_work(row[1]) for row in rows}
        for email_id, work in found.items():
            self._remembered(email_id, work)
        self._absent = set(email_ids) - found.keys()

    def put(self, email_id: UUID, work: Work | None) -> None:
        """Replace a row, or delete it; counts once committed."""
        self._group[email_id] = work

    @property
    def pending(self) -> int:
        """How many rows the group under way changes."""
        return len(self._group)

    def decided(self) -> Iterable[tuple[UUID, Work | None]]:
        """The rows that the group under way changes, as decided so far."""
        return self._group.items()

    def changes(self) -> dict[UUID, Row]:
        """What the group under way changes: the last word on each row. To be given to `commit`."""
        return {email_id: Row(work) for email_id, work in self._group.items()}

    def commit(self, changes: dict[UUID, Row], *, changelog_offset: int | None, at: datetime) -> None:
        """The changes are in Kafka: the table now holds the changelog up to `changelog_offset`, as of `at`."""
        self._group.clear()
        self._absent.clear()
        self._unwritten |= changes
        for email_id in changes:
            self._recent.pop(email_id, None)
        if changelog_offset is not None:
            self._reached, self._at = changelog_offset, at.timestamp()
        if len(self._unwritten) >= MOST_UNWRITTEN:
            self._write()

    def _remembered(self, email_id: UUID, work: Work) -> Work:
        """Keep what was read: an email that is handed out is looked at again when it is marked and when it ends."""
        self._recent[email_id] = work
        if len(self._recent) > MOST_RECENT:
            self._recent.popitem(last=False)
        return work

    def rollback(self) -> None:
        """Forget the changes of the group under way."""
        self._group.clear()
        self._absent.clear()

    def check(self, *, log: str, end: int, now: datetime) -> None:
        """Empty the table when it is a cache of another log, of more than there is of it, or too old (rule 6)."""
        meta = self._meta()
        too_old = now.timestamp() - float(meta.get("at", "0")) > MAX_AGE_SECONDS
        if meta.get("log") != log or too_old or self._reached > end:
            self._db.execute("delete from email")
            self._db.execute("delete from meta")
            self._remember("log", log)
            self._reached = 0

    def offset(self) -> int:
        """The changelog offset up to which the table holds everything."""
        return self._reached

    def queues(self) -> Iterator[tuple[str, float]]:
        """Each queue with the time of its first row."""
        self._write()
        yield from self._db.execute("select queue, min(due) from email where queue is not null group by queue")

    def due(self, queue: str, *, now: float, limit: int) -> list[UUID]:
        """The first rows of a queue that are due, in order."""
        self._write()
        rows = self._db.execute(
            "select id from email where queue = ? and due <= ? order by due limit ?", (queue, now, limit)
        )
        return [UUID(bytes=row[0]) for row in rows.fetchall()]

    def next_due(self, queue: str, *, after: float) -> float | None:
        """When the first row later than `after` is due."""
        self._write()
        row = self._db.execute("select min(due) from email where queue = ? and due > ?", (queue, after)).fetchone()
        return None if row is None else row[0]

    def later(self, queue: str, *, after: tuple[float, UUID], limit: int) -> list[tuple[float, UUID]]:
        """The rows of a queue that come after a place in it, in order: due time and id."""
        self._write()
        rows = self._db.execute(
            "select due, id from email where queue = ? and (due, id) > (?, ?) order by due, id limit ?",
            (queue, after[0], after[1].bytes, limit),
        )
        return [(due, UUID(bytes=id)) for due, id in rows.fetchall()]

    def with_status_sending(self) -> list[tuple[UUID, OpenEmail]]:
        """Emails whose mark was committed and whose outcome was not: after a takeover, in doubt."""
        self._write()
        found = self._cared_for(MARKED) | self.doubted()
        return [(email_id, email) for email_id, email in found.items() if email.status == "sending"]

    def doubted(self) -> dict[UUID, OpenEmail]:
        """Open emails of which a copy may be out, unknown to us."""
        return self._cared_for(DOUBTED)

    def held(self) -> list[UUID]:
        """Open emails that an operator holds one by one: they wait in no queue."""
        found = self._cared_for(HELD) | self.doubted()
        return [email_id for email_id, email in found.items() if email.held]

    def _cared_for(self, care: str) -> dict[UUID, OpenEmail]:
        self._write()
        rows = self._db.execute("select id, value from email where care = ?", (care,)).fetchall()
        found = {UUID(bytes=row[0]): decode_work(row[1]) for row in rows}
        return {email_id: work for email_id, work in found.items() if isinstance(work, OpenEmail)}

    def finals_before(self, moment: datetime, *, limit: int) -> list[UUID]:
        """Markers older than `moment`."""
        self._write()
        rows = self._db.execute(
            "select id from email where final_at < ? order by final_at limit ?", (moment.timestamp(), limit)
        )
        return [UUID(bytes=row[0]) for row in rows]

    def count(self) -> int:
        """How many emails are open."""
        self._write()
        return int(self._db.execute("select count(*) from email where final_at is null").fetchone()[0])

    def flush(self) -> None:
        """Write what Kafka has committed, so that who reads the file sees it."""
        self._write()

    def close(self) -> None:
        """Close the file; what was committed is kept, the rest is lost."""
        self.rollback()
        self._write()
        self._db.close()

    def _write(self) -> None:
        """Write what Kafka has committed."""
        if not self._unwritten:
            return
        self._db.execute("begin")
        gone = [(email_id.bytes,) for email_id, row in self._unwritten.items() if row.work is None]
        kept = [_columns(email_id, row) for email_id, row in self._unwritten.items() if row.work is not None]
        self._db.executemany("delete from email where id = ?", gone)
        self._db.executemany("insert or replace into email values (?, ?, ?, ?, ?, ?)", kept)
        self._remember("offset", str(self._reached))
        self._remember("at", str(self._at))
        self._db.execute("commit")
        for email_id, row in self._unwritten.items():
            if isinstance(row.work, OpenEmail):
                self._remembered(email_id, row.work)
        self._unwritten.clear()

    def _meta(self) -> dict[str, str]:
        return dict(self._db.execute("select name, value from meta").fetchall())

    def _remember(self, name: str, value: str) -> None:
        self._db.execute("insert or replace into meta values (?, ?)", (name, value))

    def _open(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return self._connect()
        except sqlite3.DatabaseError:  # a damaged cache is no loss
            for file in (self.path, Path(f"{self.path}-wal"), Path(f"{self.path}-shm")):
                with contextlib.suppress(FileNotFoundError):
                    file.unlink()
            return self._connect()

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        db.executescript(SCHEMA)
        return db


def _columns(
    email_id: UUID, row: Row
) -> tuple[bytes, str | None, float | None, float | None, str | None, bytes | None]:
    final_at = row.work.final_at.timestamp() if isinstance(row.work, FinalEmail) else None
    return email_id.bytes, row.queue, row.due, final_at, _care(row.work), row.value


def _care(work: Work | None) -> str | None:
    """What an open email must not be forgotten for: that a copy may be out, or goes out now, or that it is held."""
    if not isinstance(work, OpenEmail):
        return None
    if work.doubts:
        return DOUBTED
    if work.status == "sending":
        return MARKED
    return HELD if work.held else None
