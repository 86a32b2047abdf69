"""The SQL of the projector. Rows that projectors share are written in the order of their keys: deadlocks are rare."""

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
TAKE_EMAILS: Final = """
    DELETE FROM emails USING unnest(%s::text[], %s::uuid[]) AS wanted (tenant, email_id)
    WHERE (emails.tenant, emails.email_id) = (wanted.tenant, wanted.email_id)
    RETURNING emails.tenant, emails.email_id, fold::text
"""
TAKE_BATCHES: Final = """
    DELETE FROM batches USING unnest(%s::text[], %s::uuid[]) AS wanted (tenant, batch_id)
    WHERE (batches.tenant, batches.batch_id) = (wanted.tenant, wanted.batch_id)
    RETURNING batches.tenant, batches.batch_id, fold::text
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


def _names(columns: Columns) -> Composed:
    return SQL(", ").join(map(Identifier, columns))
