"""What emails and events are searched by: query parameters, checked."""

from typing import Annotated, get_args
from uuid import UUID

from fastapi import Depends, Query
from pydantic import AwareDatetime

from services.api.domain.errors import ApiError
from services.api.domain.filters import EmailFilter, EventFilter
from services.api.domain.messages import email_of
from services.api.domain.preferences import EmailCursor, EventCursor, read_cursor
from services.api.routes.parts import OriginOf, PartsOf, id_of
from shared.lifecycle import Status

STATUSES = get_args(Status)
# What a stored tag, reference, template or event type can be: without control characters, which PostgreSQL refuses.
Word = Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


def emails_wanted(
    parts: PartsOf,
    origin: OriginOf,
    *,
    recipient: Annotated[str | None, Query(description="an address, or better the recipient_ref of one")] = None,
    status: Annotated[str | None, Query(description=f"one of {', '.join(STATUSES)}")] = None,
    batch_id: UUID | None = None,
    template: Word = None,
    tag: Word = None,
    reference: Word = None,
    message_id: Annotated[str | None, Query(max_length=400, description="as in the mail's Message-ID")] = None,
    since: Annotated[AwareDatetime | None, Query(description="queued then or later (RFC 3339)")] = None,
    until: Annotated[AwareDatetime | None, Query(description="queued before then")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: str | None = None,
) -> EmailFilter:
    """The filter; raises ApiError."""
    if status is not None and status not in STATUSES:
        raise ApiError("invalid_parameter", f"is one of {', '.join(STATUSES)}", field="status")
    return EmailFilter(
        tenant=origin.tenant,
        limit=limit,
        status=status,
        batch_id=batch_id,
        recipient_ref=None if recipient is None else parts.suppressions.ref(recipient, tenant=origin.tenant),
        email_id=None if message_id is None else email_of(message_id),
        template=template,
        tag=tag,
        reference=reference,
        since=since,
        until=until,
        cursor=read_cursor(cursor, EmailCursor),
    )


def events_wanted(
    email_id: str,
    origin: OriginOf,
    *,
    kind: Annotated[Word, Query(alias="type", description="as email.delivered")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: str | None = None,
) -> EventFilter:
    """The filter; raises ApiError."""
    return EventFilter(
        tenant=origin.tenant,
        email_id=id_of(email_id, missing=ApiError("unknown_email", "there is no such email")),
        limit=limit,
        type=kind,
        cursor=read_cursor(cursor, EventCursor),
    )


SearchOf = Annotated[EmailFilter, Depends(emails_wanted)]
EventsOf = Annotated[EventFilter, Depends(events_wanted)]
