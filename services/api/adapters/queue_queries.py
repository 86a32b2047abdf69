"""What waits, by destination: a query on a connection whose search path is the live schema."""

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import Connection, Row, func, select

from services.api.adapters.batch_queries import position
from services.api.domain.answers import Position
from services.api.domain.destinations import Waiting
from shared.db import state
from shared.db.read_models import emails

_OPEN: Final = ("staged", "queued", "scheduled", "held", "sending", "deferred", "in_doubt")


def waiting(
    connection: Connection, tenant: str | None, destination: str | None, limit: int
) -> tuple[list[Waiting], Position]:
    """Open emails by destination, the oldest first; of all tenants when `tenant` is None."""
    tenants = select(state.tenants.c.tenant) if tenant is None else [tenant]
    domain = emails.c.recipient_domain
    asked = (
        select(domain, emails.c.status, func.count().label("emails"), func.min(emails.c.queued_at).label("oldest_at"))
        .where(emails.c.tenant.in_(tenants), emails.c.status.in_(_OPEN), domain.is_not(None))
        .group_by(domain, emails.c.status)
    )
    if destination is not None:
        asked = asked.where(domain == destination)
    found: dict[str, list[Row[Any]]] = {}
    for row in connection.execute(asked):
        found.setdefault(row.recipient_domain, []).append(row)
    views = sorted((_waiting(name, rows) for name, rows in found.items()), key=_age)
    return views[:limit], position(connection)


def _waiting(destination: str, rows: Iterable[Row[Any]]) -> Waiting:
    rows = list(rows)
    oldest = min(
        (row.oldest_at for row in rows if row.status != "scheduled" and row.oldest_at is not None), default=None
    )
    return Waiting(destination=destination, counts={row.status: row.emails for row in rows}, oldest_at=oldest)


def _age(view: Waiting) -> tuple[bool, float, str]:
    return view.oldest_at is None, view.oldest_at.timestamp() if view.oldest_at else 0.0, view.destination
