"""The read models inside one transaction. Rows that change are taken out and copied in again with the new ones.

That is one statement less than an update from a temporary table, and no worse: most updates change a status, which is
indexed, so PostgreSQL writes the whole row anew anyway. Of two projectors that put the same row, the second one's COPY
fails, and it does its batch again.
"""

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
        if not self._copied("events", rows.EVENT, map(rows.event_row, facts)):
            self._copy("events", rows.EVENT, map(rows.event_row, self._first_places(facts)))

    def _first_places(self, facts: Collection[Fact]) -> Collection[Fact]:
        """Those of these facts that stand nowhere before; what stands in the table for a later place is taken out."""
        first: dict[Key, Fact] = {}
        for fact in facts:
            key = Key(fact.event.tenant, fact.event.event_id)
            known = first.setdefault(key, fact)
            if known[:2] > fact[:2]:
                first[key] = fact
        for tenant, event_id, *place in self._cursor.execute(statements.PLACES_OF_EVENTS, _arrays(first)).fetchall():
            if tuple(place) <= first[Key(tenant, event_id)][:2]:
                del first[Key(tenant, event_id)]
            else:
                self._cursor.execute(statements.DROP_EVENT, (tenant, event_id))
        return first.values()

    def take_emails(self, keys: Collection[Key]) -> dict[Key, EmailFold]:
        """Take out those of these emails that are known."""
        found = self._cursor.execute(statements.TAKE_EMAILS, _arrays(keys))
        return {Key(tenant, email_id): emails.decode(fold) for tenant, email_id, fold in found}

    def put_emails(self, folds: Mapping[Key, EmailFold]) -> None:
        """Write emails that are new or were taken out."""
        self._copy("emails", rows.EMAIL, (rows.email_row(key, fold) for key, fold in folds.items()))

    def take_batches(self, keys: Collection[Key]) -> dict[Key, BatchFold]:
        """Take out those of these batches that are known."""
        found = self._cursor.execute(statements.TAKE_BATCHES, _arrays(keys))
        return {Key(tenant, batch_id): batches.decode(fold) for tenant, batch_id, fold in found}

    def put_batches(self, folds: Mapping[Key, BatchFold]) -> None:
        """Write batches that are new or were taken out."""
        self._copy("batches", rows.BATCH, (rows.batch_row(key, fold) for key, fold in folds.items()))

    def put_suppressions(self, facts: Collection[Suppressing]) -> None:
        """Keep the last word on each suppression."""
        words = sorted((rows.suppression_row(fact) for fact in facts), key=lambda row: row[:3])
        self._cursor.executemany(statements.PUT_SUPPRESSION, words)

    def put_personal(self, parts: Mapping[UUID, PersonalPart | None]) -> None:
        """Write the personal parts of emails, or delete them."""
        present = [rows.personal_row(email_id, part) for email_id, part in parts.items() if part is not None]
        if len(present) < len(parts) or not self._copied("personal", rows.PERSONAL, present):
            self._cursor.execute(statements.DROP_PERSONAL, (list(parts),))
            self._copy("personal", rows.PERSONAL, present)

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

    def _copied(self, table: str, columns: Columns, values: Iterable[Row]) -> bool:
        """Whether rows were copied in; none is when one is there already, which is so rare that asking costs more."""
        try:
            with self._cursor.connection.transaction():
                self._copy(table, columns, values)
        except UniqueViolation:
            return False
        return True

    def _copy(self, table: str, columns: Columns, values: Iterable[Row]) -> None:
        with self._cursor.copy(statements.copy(table, columns)) as copy:
            for row in values:
                copy.write_row(row)


def _arrays(keys: Iterable[tuple[str, object]]) -> list[str]:
    """Pairs as two arrays, as PostgreSQL writes them."""
    firsts, seconds = zip(*keys, strict=True) if keys else ((), ())
    return [rows.array(firsts), rows.array(map(str, seconds))]
