"""`/v1/batches/{batch_id}/…`: pause, resume, cancel a batch, limit its rate."""

from fastapi import APIRouter, Request, Response

from services.api.domain.answers import BatchAsked, BatchControl, BatchRate, CancelRequest
from services.api.domain.batches import BatchRateRequest
from services.api.domain.suppressions import check_reason
from services.api.routes.answers import answer
from services.api.routes.body import read, read_optional
from services.api.routes.describe import operation
from services.api.routes.parts import OriginOf, PartsOf, WaitOf, applied, batch_of, patience

router = APIRouter(prefix="/v1/batches", tags=["batches"])


@router.post("/{batch_id}/pause", **operation("Pause a batch", returns=BatchControl, status=202))
async def pause_batch(batch_id: str, parts: PartsOf, origin: OriginOf, wait: WaitOf) -> Response:
    """No new attempts for its emails until it is resumed."""
    return await _control(batch_id, parts, origin, paused=True, wait=wait)


@router.post("/{batch_id}/resume", **operation("Resume a batch", returns=BatchControl, status=202))
async def resume_batch(batch_id: str, parts: PartsOf, origin: OriginOf, wait: WaitOf) -> Response:
    """Attempts go on."""
    return await _control(batch_id, parts, origin, paused=False, wait=wait)


@router.post(
    "/{batch_id}/cancel",
    **operation(
        "Cancel a batch",
        accepts=CancelRequest,
        example={"reason": "the wrong list"},
        optional=True,
        returns=BatchAsked,
        status=202,
    ),
)
async def cancel_batch(request: Request, batch_id: str, parts: PartsOf, origin: OriginOf, wait: WaitOf) -> Response:
    """For good: each of its emails that no attempt has begun for ends as `cancelled`, also those still to be read.

    An attempt under way comes to its end, and none follows it. An email in doubt, of which a copy may be out, is not
    tried again: it ends as `failed` with reason `in_doubt`. The counts of the batch say how it ended.
    """
    number = batch_of(batch_id)
    body = await read_optional(request, CancelRequest, limit=parts.body_limit)
    reason = check_reason(body.reason) if body else None
    found = await parts.batch_controls.cancel(number, reason=reason, origin=origin, wait=patience(wait))
    return answer(found, status=202, headers=applied(wait))


@router.patch(
    "/{batch_id}",
    **operation(
        "Limit the rate of a batch",
        accepts=BatchRateRequest,
        example={"max_rate": 50},
        returns=BatchRate,
        status=202,
    ),
)
async def limit_batch(request: Request, batch_id: str, parts: PartsOf, origin: OriginOf, wait: WaitOf) -> Response:
    """At most so many of its emails a second, over all senders; null: as fast as it goes. In effect within seconds."""
    number = batch_of(batch_id)
    body = await read(request, BatchRateRequest, limit=parts.body_limit)
    found = await parts.batch_controls.limit(number, body.max_rate, origin=origin, wait=patience(wait))
    return answer(found, status=202, headers=applied(wait))


async def _control(batch_id: str, parts: PartsOf, origin: OriginOf, *, paused: bool, wait: float | None) -> Response:
    number = batch_of(batch_id)
    found = await parts.batch_controls.control(number, paused=paused, origin=origin, wait=patience(wait))
    return answer(found, status=202, headers=applied(wait))
