"""`/v1/suppressions`: addresses that are not sent to."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from services.api.domain.answers import SuppressionPage, SuppressionsReceipt, SuppressionView
from services.api.domain.filters import SuppressionFilter
from services.api.domain.preferences import SuppressionCursor, read_cursor
from services.api.domain.suppressions import SuppressionRequest, SuppressionsRequest, check_scope
from services.api.routes.answers import answer
from services.api.routes.body import read
from services.api.routes.describe import operation
from services.api.routes.parts import OriginOf, PartsOf, WaitOf, applied
from services.api.routes.searching import Word

router = APIRouter(prefix="/v1/suppressions", tags=["suppressions"])

EXAMPLE = {"recipient": "ada@example.com", "scope": "tenant", "reason": "asked by phone"}
RECIPIENT = Query(description="an address, or better its recipient_ref: addresses in URLs end up in logs")


@router.get("", **operation("List suppressions", returns=SuppressionPage))
async def list_suppressions(
    parts: PartsOf,
    origin: OriginOf,
    *,
    scope: str | None = None,
    recipient: Annotated[str | None, RECIPIENT] = None,
    reason: Word = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    cursor: str | None = None,
    wait: WaitOf,
) -> Response:
    """By scope, recipient and reason; those that have expired are left out.

    With `Prefer: wait=N` it tells of all that was done before.
    """
    wanted = SuppressionFilter(
        tenant=origin.tenant,
        limit=limit,
        now=origin.now,
        scope=check_scope(scope) if scope is not None else None,
        recipient_ref=parts.suppressions.ref(recipient, tenant=origin.tenant) if recipient is not None else None,
        reason=reason,
        cursor=read_cursor(cursor, SuppressionCursor),
    )
    seen = await parts.queries.suppressions(wanted, wait=wait or 0)
    return answer(seen.what, headers=applied(wait, current=seen.current))


@router.post(
    "",
    **operation(
        "Suppress an address", accepts=SuppressionRequest, example=EXAMPLE, returns=SuppressionView, status=201
    ),
)
async def add_suppression(request: Request, parts: PartsOf, origin: OriginOf) -> Response:
    """Nothing is sent to the address any more, within the scope. In effect within 2 seconds of the answer."""
    body = await read(request, SuppressionRequest, limit=parts.body_limit)
    return answer(await parts.suppressions.add(body, origin=origin), status=201)


@router.post(
    "/bulk",
    **operation(
        "Suppress many addresses",
        accepts=SuppressionsRequest,
        example={"suppressions": [EXAMPLE, EXAMPLE | {"recipient": "0a" * 16, "scope": "list:news"}]},
        returns=SuppressionsReceipt,
    ),
)
async def add_suppressions(request: Request, parts: PartsOf, origin: OriginOf) -> Response:
    """Up to 1,000 at once, each added or refused on its own. Repeating the request does no harm."""
    body = await read(request, SuppressionsRequest, limit=parts.body_limit)
    return answer(await parts.suppressions.add_many(body.suppressions, origin=origin))


@router.delete("", **operation("Remove a suppression", status=204))
async def remove_suppression(
    parts: PartsOf, origin: OriginOf, recipient: Annotated[str, RECIPIENT], *, scope: str = "tenant"
) -> Response:
    """The address may be sent to again, within 2 seconds of the answer; removing what is not there is no error."""
    await parts.suppressions.remove(recipient, scope=scope, origin=origin)
    return Response(status_code=204)
