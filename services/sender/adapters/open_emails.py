"""The open emails of one partition: an SQLite file that mirrors `email.work`. A cache: the changelog is the truth.

Changes are made in an SQLite transaction that commits after Kafka's, never before; so within a group each decision sees
the ones before it, and an aborted group leaves nothing.
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from services.sender.domain.queues import due_of, queue_of
from shared.records import FinalEmail, OpenEmail, Work, decode_work, encode

SCHEMA: Final = """
pragma journal_mode = wal; pragma synchronous = normal; pragma secure_delete = on;
create table if not exists email (
    id blob primary key, queue text, due real, final_at real, value blob not null
) without rowid;
create index if not exists by_due on email (queue, due) where queue is not null;
create index if not exists by_final on email (final_at) where final_at is not null;
create table if not exists meta (name text primary key, value text not null) without rowid;
"""
MAX_AGE_SECONDS: Final = 86_400  # an older cache may have missed tombstones that compaction removed (rule 6)


class OpenEmails:
    """One partition's table. Not thread-safe: the owner's thread alone uses it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db = self._open()

    def get(self, email_id: UUID) -> Work | None:
        """The row of an email, as decided so far."""
        row = self._db.execute("select value from email where id = ?", (email_id.bytes,)).fetchone()
        return decode_work(row[0]) if row else None

    def put(self, email_id: UUID, work: Work | None) -> None:
        """Replace a row, or delete it; counts once committed."""
        if not self._db.in_transaction:
            self._db.execute("begin")
        if work is None:
            self._db.execute("delete from email where id = ?", (email_id.bytes,))
            return
        final_at = work.final_at.timestamp() if isinstance(work, FinalEmail) else None
        self._db.execute(
            "insert or replace into email values (?, ?, ?, ?, ?)",
            (email_id.bytes, queue_of(work), due_of(work), final_at, encode(work)),
        )

    def commit(self, *, changelog_offset: int | None, at: datetime) -> None:
        """Make the changes last; the cache now holds the changelog up to `changelog_offset`, as of `at`."""
        if changelog_offset is not None:
            if not self._db.in_transaction:
                self._db.execute("begin")
            self._remember("offset", str(changelog_offset))
            self._remember("at", str(at.timestamp()))
        if self._db.in_transaction:
            self._db.execute("commit")

    def rollback(self) -> None:
        """Forget the changes since the last commit."""
        if self._db.in_transaction:
            self._db.execute("rollback")

    def check(self, *, log: str, now: datetime) -> None:
        """Empty the table when it is a cache of another log, or too old (rule 6)."""
        meta = self._meta()
        if meta.get("log") != log or now.timestamp() - float(meta.get("at", "0")) > MAX_AGE_SECONDS:
            self._db.execute("delete from email")
            self._db.execute("delete from meta")
            self._remember("log", log)

    def offset(self) -> int:
        """The changelog offset up to which the table holds everything."""
        return int(self._meta().get("offset", "0"))

    def queues(self) -> Iterator[tuple[str, float]]:
        """Each queue with the time of its first row."""
        yield from self._db.execute("select queue, min(due) from email where queue is not null group by queue")

    def due(self, queue: str, *, now: float, limit: int) -> list[tuple[UUID, float]]:
        """The first rows of a queue that are due, in order."""
        rows = self._db.execute(
            "select id, due from email where queue = ? and due <= ? order by due limit ?", (queue, now, limit)
        )
        return [(UUID(bytes=row[0]), row[1]) for row in rows]

    def next_due(self, queue: str, *, after: float) -> float | None:
        """When the first row later than `after` is due."""
        row = self._db.execute("select min(due) from email where queue = ? and due > ?", (queue, after)).fetchone()
        return None if row is None else row[0]

    def with_status_sending(self) -> list[tuple[UUID, OpenEmail]]:
        """Emails whose mark was committed and whose outcome was not: after a takeover, in doubt."""
        rows = self._db.execute("select id, value from email where queue is null and final_at is null").fetchall()
        found = [(UUID(bytes=row[0]), decode_work(row[1])) for row in rows]
        return [(key, work) for key, work in found if isinstance(work, OpenEmail) and work.status == "sending"]

    def finals_before(self, moment: datetime, *, limit: int) -> list[UUID]:
        """Markers older than `moment`."""
        rows = self._db.execute(
            "select id from email where final_at < ? order by final_at limit ?", (moment.timestamp(), limit)
        )
        return [UUID(bytes=row[0]) for row in rows]

    def count(self) -> int:
        """How many emails are open."""
        return int(self._db.execute("select count(*) from email where final_at is null").fetchone()[0])

    def close(self) -> None:
        """Close the file; uncommitted changes are lost."""
        self.rollback()
        self._db.close()

    def _meta(self) -> dict[str, str]:
        return dict(self._db.execute("select name, value from meta").fetchall())

    def _remember(self, name: str, value: str) -> None:
        self._db.execute("insert or replace into meta values (?, ?)", (name, value))

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return self._connect()
        except sqlite3.DatabaseError:  # a damaged cache is no loss
            for file in (self._path, Path(f"{self._path}-wal"), Path(f"{self._path}-shm")):
                with contextlib.suppress(FileNotFoundError):
                    file.unlink()
            return self._connect()

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        db.executescript(SCHEMA)
        return db
