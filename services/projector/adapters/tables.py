"""The read models inside one transaction: COPY for what is new, COPY and one UPDATE for what changes."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any
from uuid import UUID

from psycopg import Cursor
from psycopg.errors import UniqueViolation

from services.projector.adapters import rows, statements
from services.projector.adapters.rows import Row
from services.projector.adapters.statements import Columns
from services.projector.domain import batch as batches
from services.projector.domain import email as emails
from services.projector.domain.batch import BatchFold
from services.projector.domain.email import EmailFold
from services.projector.domain.tally import COUNTS, Tally
from services.projector.handlers.ports import Fact, Key, Partition, Reached, Suppressing
from shared.records import PersonalPart


class PgTables:
    """Writes with a cursor whose transaction is open and whose search path is the schema."""

    def __init__(self, cursor: Cursor[Any]) -> None:
        self._cursor = cursor

    def lock(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """The next offsets of these partitions, locked."""
        found = self._cursor.execute(statements.LOCK_CHECKPOINTS, _arrays(partitions))
        return {Partition(topic, number): offset for topic, number, offset in found}

    def reach(self, reached: Mapping[Partition, Reached]) -> None:
        """Move the checkpoints."""
        changes = [(end.next_offset, end.logged_at, *place) for place, end in reached.items()]
        self._cursor.executemany(statements.MOVE_CHECKPOINT, changes)

    def add_events(self, facts: Collection[Fact]) -> None:
        """Keep each fact once, at the first place where it stands."""
        first: dict[Key, Fact] = {}
        for fact in facts:
            key = Key(fact.event.tenant, fact.event.event_id)
            known = first.setdefault(key, fact)
            if known[:2] > fact[:2]:
                first[key] = fact
        try:
            with self._cursor.connection.transaction():
                self._copy("events", rows.EVENT, map(rows.event_row, first.values()))
        except UniqueViolation:  # so rare that asking first does not pay
            self._copy("events", rows.EVENT, map(rows.event_row, self._without_known(first)))

    def _without_known(self, facts: dict[Key, Fact]) -> Collection[Fact]:
        """Those of these facts that are not in the table; what stands there at a later place is taken out of it."""
        for tenant, event_id, *place in self._cursor.execute(statements.PLACES_OF_EVENTS, _arrays(facts)).fetchall():
            if tuple(place) <= facts[Key(tenant, event_id)][:2]:
                del facts[Key(tenant, event_id)]
            else:
                self._cursor.execute(statements.DROP_EVENT, (tenant, event_id))
        return facts.values()

    def emails(self, keys: Collection[Key]) -> dict[Key, EmailFold]:
        """Those of these emails that are known, locked."""
        found = self._cursor.execute(statements.LOCK_EMAILS, _arrays(keys))
        return {Key(tenant, email_id): emails.decode(fold) for tenant, email_id, fold in found}

    def put_emails(self, folds: Mapping[Key, EmailFold], *, known: Collection[Key]) -> None:
        """Write emails, new and known ones."""
        found = {key: rows.email_row(key, fold) for key, fold in folds.items()}
        self._put("emails", rows.EMAIL, found, known=known)

    def batches(self, keys: Collection[Key]) -> dict[Key, BatchFold]:
        """Those of these batches that are known, locked."""
        found = self._cursor.execute(statements.LOCK_BATCHES, _arrays(keys))
        return {Key(tenant, batch_id): batches.decode(fold) for tenant, batch_id, fold in found}

    def put_batches(self, folds: Mapping[Key, BatchFold], *, known: Collection[Key]) -> None:
        """Write batches, new and known ones."""
        found = {key: rows.batch_row(key, fold) for key, fold in folds.items()}
        self._put("batches", rows.BATCH, found, known=known)

    def put_suppressions(self, facts: Collection[Suppressing]) -> None:
        """Keep the last word on each suppression."""
        words = sorted((rows.suppression_row(fact) for fact in facts), key=lambda row: row[:3])
        self._cursor.executemany(statements.PUT_SUPPRESSION, words)

    def put_personal(self, parts: Mapping[UUID, PersonalPart | None]) -> None:
        """Write the personal parts of emails, or delete them."""
        self._cursor.execute(statements.DROP_PERSONAL, (list(parts),))
        present = ((email_id, part) for email_id, part in parts.items() if part is not None)
        self._copy("personal", rows.PERSONAL, (rows.personal_row(email_id, part) for email_id, part in present))

    def drop_erased(self, email_ids: Collection[UUID]) -> None:
        """Delete the personal parts of those of these emails that were erased."""
        self._cursor.execute(statements.DROP_ERASED, (list(email_ids),))

    def count(self, tally: Tally) -> None:
        """Add to the counts; rows that come to nothing go, as if they had never been."""
        self._add("batch_counts", rows.SHARE, ("emails",), [(share, (change,)) for share, change in tally.shares()])
        self._add("summary", rows.CELL, COUNTS, tally.cells())

    def _add(self, table: str, key: Columns, counts: Columns, changes: Collection[tuple[Row, tuple[int, ...]]]) -> None:
        if not changes:
            return
        self._cursor.executemany(statements.add(table, key, counts), [(*where, *by) for where, by in changes])
        lessened = [where for where, by in changes if min(by) < 0]
        if lessened:
            self._cursor.executemany(statements.drop_empty(table, key, counts), lessened)

    def _put(self, table: str, columns: Columns, found: dict[Key, Row], *, known: Collection[Key]) -> None:
        """Two projectors that both take a row for new: the second one's COPY fails, and it does its batch again."""
        self._copy(table, columns, (row for key, row in found.items() if key not in known))
        changed = [row for key, row in found.items() if key in known]
        if changed:
            staged = f"changed_{table}"
            self._cursor.execute(statements.stage(table, staged))
            self._copy(staged, columns, changed)
            self._cursor.execute(statements.update(table, staged, columns))

    def _copy(self, table: str, columns: Columns, values: Iterable[Row]) -> None:
        with self._cursor.copy(statements.copy(table, columns)) as copy:
            for row in values:
                copy.write_row(row)


def _arrays(keys: Iterable[tuple[str, object]]) -> list[str]:
    """Pairs as two arrays, as PostgreSQL writes them."""
    firsts, seconds = zip(*keys, strict=True) if keys else ((), ())
    return [rows.array(firsts), rows.array(map(str, seconds))]
