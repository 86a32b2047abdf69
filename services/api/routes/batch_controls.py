"""`/v1/batches/{batch_id}/…`: pause and resume a batch."""

from fastapi import APIRouter, Response

from services.api.domain.answers import BatchControl
from services.api.domain.errors import ApiError
from services.api.routes.answers import answer
from services.api.routes.describe import operation
from services.api.routes.parts import OriginOf, PartsOf, WaitOf, applied, id_of

router = APIRouter(prefix="/v1/batches", tags=["batches"])

CONTROL_WAIT = 5.0  # seconds for a batch that another process opened a moment ago to be known


@router.post("/{batch_id}/pause", **operation("Pause a batch", returns=BatchControl, status=202))
async def pause_batch(batch_id: str, parts: PartsOf, origin: OriginOf, wait: WaitOf) -> Response:
    """No new attempts for its emails until it is resumed."""
    return await _control(batch_id, parts, origin, paused=True, wait=wait)


@router.post("/{batch_id}/resume", **operation("Resume a batch", returns=BatchControl, status=202))
async def resume_batch(batch_id: str, parts: PartsOf, origin: OriginOf, wait: WaitOf) -> Response:
    """Attempts go on."""
    return await _control(batch_id, parts, origin, paused=False, wait=wait)


async def _control(batch_id: str, parts: PartsOf, origin: OriginOf, *, paused: bool, wait: float | None) -> Response:
    number = id_of(batch_id, missing=_unknown())
    found = await parts.batch_controls.control(number, paused=paused, origin=origin, wait=_seconds(wait))
    return answer(found, status=202, headers=applied(wait))


def _seconds(wait: float | None) -> float:
    return CONTROL_WAIT if wait is None else wait


def _unknown() -> ApiError:
    return ApiError("not_found", "there is no such batch")
