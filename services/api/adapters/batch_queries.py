"""Queries about batches, reports and suppressions, on a connection whose search path is the live schema."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, RowMapping, func, or_, select, tuple_

from services.api.domain.answers import (
    BatchView,
    Position,
    Summary,
    SummaryRow,
    SuppressionPage,
    SuppressionView,
)
from services.api.domain.filters import SuppressionFilter
from services.api.domain.places import Offsets
from services.api.domain.preferences import SuppressionCursor, write_cursor
from shared.db.read_models import COUNTED, batch_counts, batches, checkpoints, suppressions
from shared.db.read_models import summary as summaries
from shared.position import Checkpoint, position_of

_OF_ROW = (
    "batch_id",
    "stream",
    "template",
    "reference",
    "opened_at",
    "closed_at",
    "paused",
    "cancelled",
    "acknowledged",
    "refused",
)


def one(connection: Connection, tenant: str, batch_id: UUID) -> BatchView | None:
    """A batch; its counts, the API's own count and the position come from one snapshot."""
    found = select(batches).where(batches.c.tenant == tenant, batches.c.batch_id == batch_id)
    row = connection.execute(found).one_or_none()
    if row is None:
        return None
    counts = _counts(connection, tenant, batch_id)
    return BatchView(
        **{name: getattr(row, name) for name in _OF_ROW},
        tags=tuple(row.tags),
        received=None if row.acknowledged is None else row.acknowledged - sum(counts.values()),
        counts=counts,
        position=position(connection),
    )


def stream_of(connection: Connection, tenant: str, batch_id: UUID) -> str | None:
    """The stream of a batch that is known."""
    asked = select(batches.c.stream).where(batches.c.tenant == tenant, batches.c.batch_id == batch_id)
    return connection.execute(asked).scalar_one_or_none()


def summary(connection: Connection, tenant: str, by: str, since: date, until: date) -> Summary:
    """The summary report of a period, both days included."""
    dimension = "all" if by == "day" else by
    key: Any = func.to_char(summaries.c.day, "YYYY-MM-DD") if by == "day" else summaries.c.value
    mine = (summaries.c.tenant == tenant, summaries.c.day.between(since, until))
    sums = [func.sum(summaries.c[name]).label(name) for name in COUNTED]
    asked = select(key.label("key"), *sums).where(*mine, summaries.c.dimension == dimension)
    rows = connection.execute(asked.group_by(key).order_by(key)).mappings().all()
    total = connection.execute(select(*sums).where(*mine, summaries.c.dimension == "all")).mappings().one()
    return Summary(
        by=by,
        since=since,
        until=until,
        rows=tuple(SummaryRow(key=row["key"], counts=_numbers(row)) for row in rows),
        total=_numbers(total),
        position=position(connection),
    )


def list_suppressions(connection: Connection, wanted: SuppressionFilter) -> SuppressionPage:
    """A page of suppressions in force."""
    columns = suppressions.c
    asked = select(suppressions).where(
        columns.tenant == wanted.tenant,
        columns.removed_at.is_(None),
        or_(columns.expires_at.is_(None), columns.expires_at > wanted.now),
    )
    for name in ("scope", "recipient_ref", "reason"):
        if (value := getattr(wanted, name)) is not None:
            asked = asked.where(columns[name] == value)
    if wanted.cursor is not None:
        after = tuple_(wanted.cursor.recipient_ref, wanted.cursor.scope)
        asked = asked.where(tuple_(columns.recipient_ref, columns.scope) > after)
    ordered = asked.order_by(columns.recipient_ref, columns.scope).limit(wanted.limit + 1)
    rows = connection.execute(ordered).all()
    shown = rows[: wanted.limit]
    more = len(rows) > wanted.limit
    cursor = write_cursor(SuppressionCursor(shown[-1].recipient_ref, shown[-1].scope)) if more else None
    views = (
        SuppressionView(**{name: getattr(row, name) for name in SuppressionView.__struct_fields__}) for row in shown
    )
    return SuppressionPage(suppressions=tuple(views), next_cursor=cursor)


def reached(connection: Connection) -> Offsets:
    """Up to where the read models know the log."""
    asked = select(checkpoints.c.topic, checkpoints.c.partition, checkpoints.c.next_offset)
    return {(row.topic, row.partition): row.next_offset for row in connection.execute(asked)}


def position(connection: Connection) -> Position:
    """Up to where in the log the read models know, in this snapshot."""
    rows = connection.execute(select(checkpoints).order_by(checkpoints.c.topic, checkpoints.c.partition))
    known = [Checkpoint(row.topic, row.partition, row.next_offset, row.logged_at) for row in rows]
    found = position_of(known)
    newest = max((one.logged_at for one in known if one.logged_at is not None), default=None)
    return Position(offsets=found.offsets, rules=found.rules, token=found.token(), as_of=newest)


def _counts(connection: Connection, tenant: str, batch_id: UUID) -> dict[str, int]:
    mine = (batch_counts.c.tenant == tenant, batch_counts.c.batch_id == batch_id, batch_counts.c.emails > 0)
    rows = connection.execute(select(batch_counts.c.status, batch_counts.c.emails).where(*mine).order_by("status"))
    return {row.status: row.emails for row in rows}


def _numbers(row: RowMapping) -> dict[str, int]:
    return {name: int(row[name] or 0) for name in COUNTED}
