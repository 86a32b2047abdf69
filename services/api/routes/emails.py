"""`/v1/emails`: ask for one, look, search, reschedule, cancel, resolve."""

from fastapi import APIRouter, Request, Response
from structlog.contextvars import bind_contextvars

from services.api import metrics
from services.api.domain.answers import (
    CancelAnswer,
    CancelRequest,
    EmailPage,
    EmailView,
    EventPage,
    Receipt,
    RescheduleAnswer,
    RescheduleRequest,
    ResolveAnswer,
    ResolveRequest,
)
from services.api.domain.errors import ApiError
from services.api.domain.suppressions import check_reason
from services.api.routes.answers import answer
from services.api.routes.body import read, read_optional
from services.api.routes.describe import operation
from services.api.routes.parts import KeyOf, OriginOf, PartsOf, WaitOf, applied, id_of
from services.api.routes.searching import EventsOf, SearchOf
from shared.commands import Content

router = APIRouter(prefix="/v1/emails", tags=["emails"])

COMMAND_WAIT = 5.0  # seconds
EXAMPLE = {
    "from": "Acme Billing <billing@acme.test>",
    "to": {"email": "ada@example.com", "name": "Ada Lovelace"},
    "subject": "Your invoice 4711",
    "html": "<p>Dear Ada, your invoice is <a href='https://acme.test/i/4711'>here</a>.</p>",
    "tags": ["invoice"],
    "reference": "invoice/4711",
}


@router.post("", **operation("Send an email", accepts=Content, example=EXAMPLE, returns=Receipt, status=202))
async def send_email(request: Request, parts: PartsOf, origin: OriginOf, key: KeyOf) -> Response:
    """202 means that it is durable; its status says what became of it. Use an Idempotency-Key to be able to repeat."""
    content = await read(request, Content, limit=parts.body_limit)
    receipt = await parts.emails.send(content, origin=origin, key=key)
    metrics.accepted(content.stream)
    bind_contextvars(email_id=str(receipt.email_id))
    return answer(receipt, status=202, headers={"Location": f"/v1/emails/{receipt.email_id}"})


@router.get("", **operation("Search emails, the newest first", returns=EmailPage))
async def list_emails(parts: PartsOf, wanted: SearchOf, wait: WaitOf) -> Response:
    """All that is given must hold. With `Prefer: wait=N` it tells of all that was done before."""
    seen = await parts.queries.emails(wanted, wait=wait or 0)
    return answer(seen.what, headers=applied(wait, current=seen.current))


@router.get("/{email_id}", **operation("Show an email, with its timeline", returns=EmailView))
async def show_email(email_id: str, parts: PartsOf, origin: OriginOf, wait: WaitOf) -> Response:
    """With `Prefer: wait=N` it waits for an email accepted, or a command given, a moment ago.

    `Preference-Applied` in the answer says that all that was done before is in it.
    """
    number = id_of(email_id, missing=_unknown())
    bind_contextvars(email_id=str(number))
    seen = await parts.queries.email(origin.tenant, number, wait=wait or 0)
    if seen.what is None:
        raise _unknown()
    return answer(seen.what, headers=applied(wait, current=seen.current))


@router.get("/{email_id}/events", **operation("List an email's events", returns=EventPage))
async def list_events(parts: PartsOf, wanted: EventsOf, wait: WaitOf) -> Response:
    """The facts about it in the order in which they happened. With `Prefer: wait=N` as for the email itself."""
    seen = await parts.queries.events(wanted, wait=wait or 0)
    if seen.what is None:
        raise _unknown()
    return answer(seen.what, headers=applied(wait, current=seen.current))


@router.patch(
    "/{email_id}",
    **operation(
        "Reschedule an email",
        accepts=RescheduleRequest,
        example={"send_at": "2027-01-04T08:00:00Z"},
        returns=RescheduleAnswer,
        later=True,
    ),
)
async def reschedule_email(request: Request, email_id: str, parts: PartsOf, origin: OriginOf, wait: WaitOf) -> Response:
    """For one that waits for its time or its first attempt: 200 it waits until then, 409 too late, 404 unknown.

    Waits for that as a cancellation does.
    """
    number = id_of(email_id, missing=_unknown())
    bind_contextvars(email_id=str(number))
    body = await read(request, RescheduleRequest, limit=parts.body_limit)
    found = await parts.reschedule.reschedule(number, body, origin=origin, wait=COMMAND_WAIT if wait is None else wait)
    return answer(found, status=200 if found.status == "scheduled" else 202, headers=applied(wait))


@router.post(
    "/{email_id}/cancel",
    **operation(
        "Cancel an email",
        accepts=CancelRequest,
        example={"reason": "ordered by mistake"},
        optional=True,
        returns=CancelAnswer,
        later=True,
    ),
)
async def cancel_email(request: Request, email_id: str, parts: PartsOf, origin: OriginOf, wait: WaitOf) -> Response:
    """Exact: 200 it will never be attempted, 409 too late, 404 unknown. Waits for that (`Prefer: wait=N`, else 5 s).

    Without an answer in time 202: the request stands, and the email's timeline will have the answer.
    """
    number = id_of(email_id, missing=_unknown())
    bind_contextvars(email_id=str(number))
    body = await read_optional(request, CancelRequest, limit=parts.body_limit)
    found = await parts.cancel.cancel(
        number,
        origin=origin,
        reason=check_reason(body.reason) if body else None,
        wait=COMMAND_WAIT if wait is None else wait,
    )
    return answer(found, status=200 if found.status == "cancelled" else 202, headers=applied(wait))


@router.post("/{email_id}/retry", **operation("Retry a failed email", returns=Receipt, status=202))
async def retry_email(email_id: str, parts: PartsOf, origin: OriginOf) -> Response:
    """For one that failed or bounced: a new email with the same content, and this one's id as `retry_of`.

    It is sent at once, in no batch. An email has one retry: asking again gives the same `email_id`; a retry that fails
    can be retried itself. 409 it did not fail, 410 its request is not kept any more (7 days), 404 unknown.
    """
    number = id_of(email_id, missing=_unknown())
    bind_contextvars(email_id=str(number))
    receipt = await parts.retry.retry(number, origin=origin)
    return answer(receipt, status=202, headers={"Location": f"/v1/emails/{receipt.email_id}"})


@router.post(
    "/{email_id}/resolve",
    **operation(
        "Resolve an email in doubt",
        accepts=ResolveRequest,
        example={"outcome": "delivered", "reason": "the recipient has confirmed it"},
        returns=ResolveAnswer,
        later=True,
    ),
)
async def resolve_email(request: Request, email_id: str, parts: PartsOf, origin: OriginOf, wait: WaitOf) -> Response:
    """For an email of which nobody can know whether it arrived: say so, or decide in place of the stream's policy.

    200 it is settled so, 409 it is not in doubt, 404 unknown. Waits for that as a cancellation does.
    """
    number = id_of(email_id, missing=_unknown())
    body = await read(request, ResolveRequest, limit=parts.body_limit)
    check_reason(body.reason)
    found = await parts.resolve.resolve(number, body, origin=origin, wait=COMMAND_WAIT if wait is None else wait)
    return answer(found, status=200 if found.status == "resolved" else 202, headers=applied(wait))


def _unknown() -> ApiError:
    return ApiError("unknown_email", "there is no such email")
