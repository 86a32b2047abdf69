"""The SQL of the projector. Rows are locked and written in the order of their keys: so deadlocks are rare."""

from functools import cache
from typing import Final

from psycopg.sql import SQL, Composed, Identifier, Placeholder

Columns = tuple[str, ...]

LOCK_CHECKPOINTS: Final = """
    SELECT topic, partition, next_offset FROM checkpoints
    JOIN unnest(%s::text[], %s::int[]) AS wanted (topic, partition) USING (topic, partition)
    ORDER BY topic, partition FOR UPDATE OF checkpoints
"""
MOVE_CHECKPOINT: Final = """
    UPDATE checkpoints SET next_offset = %s, logged_at = coalesce(%s, logged_at) WHERE topic = %s AND partition = %s
"""
PLACES_OF_EVENTS: Final = """
    SELECT tenant, event_id, partition, "offset" FROM events
    JOIN unnest(%s::text[], %s::uuid[]) AS wanted (tenant, event_id) USING (tenant, event_id)
"""
DROP_EVENT: Final = "DELETE FROM events WHERE tenant = %s AND event_id = %s"
LOCK_EMAILS: Final = """
    SELECT tenant, email_id, fold::text FROM emails
    JOIN unnest(%s::text[], %s::uuid[]) AS wanted (tenant, email_id) USING (tenant, email_id)
    ORDER BY tenant, email_id FOR UPDATE OF emails
"""
LOCK_BATCHES: Final = """
    SELECT tenant, batch_id, fold::text FROM batches
    JOIN unnest(%s::text[], %s::uuid[]) AS wanted (tenant, batch_id) USING (tenant, batch_id)
    ORDER BY tenant, batch_id FOR UPDATE OF batches
"""
PUT_SUPPRESSION: Final = """
    INSERT INTO suppressions AS known
        (tenant, scope, recipient_ref, reason, causing_event_id, added_at, expires_at, removed_at, event_id)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (tenant, scope, recipient_ref) DO UPDATE SET
        (reason, causing_event_id, added_at, expires_at, removed_at, event_id) = (excluded.reason,
            excluded.causing_event_id, excluded.added_at, excluded.expires_at, excluded.removed_at, excluded.event_id)
    WHERE (coalesce(excluded.added_at, excluded.removed_at), excluded.event_id)
        > (coalesce(known.added_at, known.removed_at), known.event_id)
"""
DROP_PERSONAL: Final = "DELETE FROM personal WHERE email_id = ANY(%s)"
DROP_ERASED: Final = """
    DELETE FROM personal USING emails
    WHERE personal.email_id = ANY(%s) AND emails.erased
        AND (emails.tenant, emails.email_id) = (personal.tenant, personal.email_id)
"""


@cache
def add(table: str, key: Columns, counts: Columns) -> Composed:
    """Add to the counts of the row with this key, which is made when it is not there."""
    sums = (SQL("{0} = known.{0} + excluded.{0}").format(Identifier(name)) for name in counts)
    return SQL(
        "INSERT INTO {table} AS known ({columns}) VALUES ({values}) ON CONFLICT ({key}) DO UPDATE SET {sums}"
    ).format(
        table=Identifier(table),
        columns=_names(key + counts),
        values=SQL(", ").join([Placeholder()] * len(key + counts)),
        key=_names(key),
        sums=SQL(", ").join(sums),
    )


@cache
def drop_empty(table: str, key: Columns, counts: Columns) -> Composed:
    """Delete the row with this key when all its counts have come to nothing."""
    return SQL("DELETE FROM {table} WHERE ({key}) = ({values}) AND 0 = ALL (ARRAY[{counts}])").format(
        table=Identifier(table),
        key=_names(key),
        values=SQL(", ").join([Placeholder()] * len(key)),
        counts=_names(counts),
    )


@cache
def copy(table: str, columns: Columns) -> Composed:
    """COPY these columns in."""
    return SQL("COPY {} ({}) FROM STDIN").format(Identifier(table), _names(columns))


@cache
def stage(table: str, staged: str) -> Composed:
    """A table of this connection's own, empty at the start of each transaction, for rows that are to replace others."""
    text = SQL("CREATE TEMPORARY TABLE IF NOT EXISTS {} (LIKE {}) ON COMMIT DELETE ROWS")
    return text.format(Identifier(staged), Identifier(table))


@cache
def update(table: str, staged: str, columns: Columns) -> Composed:
    """Replace rows by the staged ones with the same key, which is the first two columns."""
    key, rest = columns[:2], columns[2:]
    return SQL("UPDATE {table} SET ({rest}) = ROW ({values}) FROM {staged} WHERE ({key}) = ({staged_key})").format(
        table=Identifier(table),
        staged=Identifier(staged),
        rest=_names(rest),
        values=SQL(", ").join(Identifier(staged, name) for name in rest),
        key=SQL(", ").join(Identifier(table, name) for name in key),
        staged_key=SQL(", ").join(Identifier(staged, name) for name in key),
    )


def _names(columns: Columns) -> Composed:
    return SQL(", ").join(map(Identifier, columns))
