"""Queries about emails, on a connection whose search path is the live schema."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET
from sqlalchemy import Connection, Row, Select, select, tuple_

from services.api.domain.answers import EmailPage, EmailView, Personal
from services.api.domain.filters import EmailFilter
from services.api.domain.preferences import EmailCursor, write_cursor
from shared.db.read_models import emails, events, personal
from shared.events import Event, codec

_PERSONAL = tuple(personal.c[name].label(f"personal_{name}") for name in Personal.__struct_fields__)
_SAID_ELSEWHERE = ("tenant", "email_id", "stream", "batch_id", "recipient_ref", "recipient_domain", "version")


def one(connection: Connection, tenant: str, email_id: UUID) -> EmailView | None:
    """An email with its timeline."""
    row = connection.execute(_select().where(emails.c.tenant == tenant, emails.c.email_id == email_id)).one_or_none()
    return None if row is None else _view(row, timeline=_timeline(connection, tenant, email_id))


def page(connection: Connection, wanted: EmailFilter) -> EmailPage:
    """A page of emails, the newest first."""
    asked = _select().where(emails.c.tenant == wanted.tenant)
    for name in ("status", "batch_id", "recipient_ref"):
        if (value := getattr(wanted, name)) is not None:
            asked = asked.where(emails.c[name] == value)
    if wanted.cursor is not None:
        asked = asked.where(
            tuple_(emails.c.since, emails.c.email_id) < tuple_(wanted.cursor.at, wanted.cursor.email_id)
        )
    ordered = asked.order_by(emails.c.since.desc(), emails.c.email_id.desc()).limit(wanted.limit + 1)
    rows = connection.execute(ordered).all()
    shown = rows[: wanted.limit]
    more = len(rows) > wanted.limit
    cursor = write_cursor(EmailCursor(shown[-1].since, shown[-1].email_id)) if more else None
    return EmailPage(emails=tuple(_view(row, timeline=None) for row in shown), next_cursor=cursor)


def status_of(connection: Connection, tenant: str, email_id: UUID) -> str | None:
    """The status of an email that is known."""
    asked = select(emails.c.status).where(emails.c.tenant == tenant, emails.c.email_id == email_id)
    return connection.execute(asked).scalar_one_or_none()


def request_hashes(connection: Connection, tenant: str, ids: Collection[UUID]) -> dict[UUID, str]:
    """The hashes of the requests that are known."""
    asked = select(emails.c.email_id, emails.c.request_hash).where(
        emails.c.tenant == tenant, emails.c.email_id.in_(ids), emails.c.request_hash.is_not(None)
    )
    return {row.email_id: row.request_hash for row in connection.execute(asked)}


def caused_by(connection: Connection, tenant: str, email_id: UUID, cause: UUID) -> Event | None:
    """The fact that answers a command on an email."""
    asked = select(events.c.body).where(
        events.c.tenant == tenant, events.c.email_id == email_id, events.c.causation_id == cause
    )
    body = connection.execute(asked.limit(1)).scalar_one_or_none()
    return None if body is None else codec.decode(msgspec.json.encode(body))


def _select() -> Select[Any]:
    same = (emails.c.tenant == personal.c.tenant) & (emails.c.email_id == personal.c.email_id)
    return select(emails, *_PERSONAL).select_from(emails.outerjoin(personal, same))


def _timeline(connection: Connection, tenant: str, email_id: UUID) -> tuple[dict[str, Any], ...]:
    asked = select(events.c.body, events.c.logged_at).where(events.c.tenant == tenant, events.c.email_id == email_id)
    rows = connection.execute(asked.order_by(events.c.occurred_at, events.c.partition, events.c.offset))
    return tuple(_entry(row.body) | {"logged_at": row.logged_at} for row in rows)


def _entry(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in _SAID_ELSEWHERE}


def _view(row: Row[Any], *, timeline: tuple[dict[str, Any], ...] | None) -> EmailView:
    of_email = {name: getattr(row, name) for name in EmailView.__struct_fields__ if name not in _MADE_HERE}
    of_person = {name: getattr(row, f"personal_{name}") for name in Personal.__struct_fields__}
    return EmailView(
        **(of_email | {"tags": tuple(row.tags)}),
        personal=Personal(**of_person) if row.personal_address is not None else None,
        timeline=UNSET if timeline is None else timeline,
    )


_MADE_HERE = ("personal", "timeline")
