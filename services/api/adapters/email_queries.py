"""Queries about emails, on a connection whose search path is the live schema."""

from collections.abc import Collection, Iterator
from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET
from sqlalchemy import ARRAY, ColumnElement, Connection, Row, Select, Text, cast, select, text, tuple_

from services.api.domain.answers import EmailPage, EmailView, EventPage, Personal
from services.api.domain.filters import EmailFilter, EventFilter
from services.api.domain.preferences import EmailCursor, EventCursor, write_cursor
from shared.db.read_models import emails, events, personal
from shared.events import Event, codec

_PERSONAL = tuple(personal.c[name].label(f"personal_{name}") for name in Personal.__struct_fields__)
_IN_ORDER = (events.c.occurred_at, events.c.partition, events.c.offset)
_EQUAL = ("status", "batch_id", "recipient_ref", "email_id", "template", "reference")
_SAID_ELSEWHERE = ("tenant", "email_id", "stream", "batch_id", "recipient_ref", "recipient_domain", "version")


def one(connection: Connection, tenant: str, email_id: UUID) -> EmailView | None:
    """An email with its timeline."""
    row = connection.execute(_select().where(emails.c.tenant == tenant, emails.c.email_id == email_id)).one_or_none()
    return None if row is None else _view(row, timeline=_timeline(connection, tenant, email_id))


def page(connection: Connection, wanted: EmailFilter) -> EmailPage:
    """A page of emails, the newest first."""
    rows = connection.execute(select_page(wanted)).all()
    shown = rows[: wanted.limit]
    more = len(rows) > wanted.limit
    cursor = write_cursor(EmailCursor(shown[-1].since, shown[-1].email_id)) if more else None
    return EmailPage(emails=tuple(_view(row, timeline=None) for row in shown), next_cursor=cursor)


def select_page(wanted: EmailFilter) -> Select[Any]:
    """The query for a page, and one row more, to know whether there is another."""
    asked = _select().where(emails.c.tenant == wanted.tenant, *_conditions(wanted))
    return asked.order_by(emails.c.since.desc(), emails.c.email_id.desc()).limit(wanted.limit + 1)


def facts(connection: Connection, wanted: EventFilter) -> EventPage | None:
    """A page of an email's facts; None when there is no such email."""
    if status_of(connection, wanted.tenant, wanted.email_id) is None:
        return None
    asked = _facts(wanted.tenant, wanted.email_id)
    if wanted.type is not None:
        asked = asked.where(events.c.type == wanted.type)
    if wanted.cursor is not None:
        asked = asked.where(
            tuple_(*_IN_ORDER) > tuple_(wanted.cursor.at, wanted.cursor.partition, wanted.cursor.offset)
        )
    rows = connection.execute(asked.limit(wanted.limit + 1)).all()
    shown = rows[: wanted.limit]
    last = shown[-1] if len(rows) > wanted.limit else None
    cursor = None if last is None else write_cursor(EventCursor(last.occurred_at, last.partition, last.offset))
    return EventPage(email_id=wanted.email_id, events=tuple(map(_entry, shown)), next_cursor=cursor)


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


def _conditions(wanted: EmailFilter) -> Iterator[ColumnElement[bool]]:
    for name in _EQUAL:
        if (value := getattr(wanted, name)) is not None:
            yield emails.c[name] == value
    if wanted.tag is not None:
        yield emails.c.tags.bool_op("@>")(cast([wanted.tag], ARRAY(Text)))
        yield emails.c.tags != text("'{}'")  # as the index says
    if wanted.since is not None:
        yield emails.c.since >= wanted.since
    if wanted.until is not None:
        yield emails.c.since < wanted.until
    if wanted.cursor is not None:
        yield tuple_(emails.c.since, emails.c.email_id) < tuple_(wanted.cursor.at, wanted.cursor.email_id)


def _select() -> Select[Any]:
    same = (emails.c.tenant == personal.c.tenant) & (emails.c.email_id == personal.c.email_id)
    return select(emails, *_PERSONAL).select_from(emails.outerjoin(personal, same))


def _timeline(connection: Connection, tenant: str, email_id: UUID) -> tuple[dict[str, Any], ...]:
    return tuple(map(_entry, connection.execute(_facts(tenant, email_id))))


def _facts(tenant: str, email_id: UUID) -> Select[Any]:
    asked = select(events.c.body, events.c.logged_at, *_IN_ORDER)
    return asked.where(events.c.tenant == tenant, events.c.email_id == email_id).order_by(*_IN_ORDER)


def _entry(row: Row[Any]) -> dict[str, Any]:
    said = {name: value for name, value in row.body.items() if name not in _SAID_ELSEWHERE}
    return said | {"logged_at": row.logged_at}


def _view(row: Row[Any], *, timeline: tuple[dict[str, Any], ...] | None) -> EmailView:
    of_email = {name: getattr(row, name) for name in EmailView.__struct_fields__ if name not in _MADE_HERE}
    of_person = {name: getattr(row, f"personal_{name}") for name in Personal.__struct_fields__}
    return EmailView(
        **(of_email | {"tags": tuple(row.tags)}),
        personal=Personal(**of_person) if row.personal_address is not None else None,
        timeline=UNSET if timeline is None else timeline,
    )


_MADE_HERE = ("personal", "timeline")
