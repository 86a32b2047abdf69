"""`/v1/reports`: what became of the emails of a period."""

from datetime import date, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from services.api.domain.answers import Summary
from services.api.domain.errors import ApiError
from services.api.routes.answers import answer
from services.api.routes.describe import operation
from services.api.routes.parts import OriginOf, PartsOf, WaitOf, applied

router = APIRouter(prefix="/v1/reports", tags=["reports"])

By = Literal["day", "template", "tag", "recipient_domain"]
LONGEST = timedelta(days=731)


@router.get("/summary", **operation("Summary of a period", returns=Summary))
async def summary(
    parts: PartsOf,
    origin: OriginOf,
    *,
    since: Annotated[
        date | None, Query(alias="from", description="first day, UTC; 29 days before `to` by default")
    ] = None,
    until: Annotated[date | None, Query(alias="to", description="last day, UTC; today by default")] = None,
    by: By = "day",
    wait: WaitOf,
) -> Response:
    """Emails by the day on which they were accepted, with what became of them up to `position`.

    With `Prefer: wait=N` it tells of all that was done before.
    """
    last = until or origin.now.date()
    first = since or last - timedelta(days=29)
    if not first <= last <= first + LONGEST:
        raise ApiError("invalid_parameter", f"`from` to `to` is 1 to {LONGEST.days} days", field="from")
    seen = await parts.queries.summary(origin.tenant, by=by, since=first, until=last, wait=wait or 0)
    return answer(seen.what, headers=applied(wait, current=seen.current))
