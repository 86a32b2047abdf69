"""`/v1/destinations`: what waits for each, and hold, release, flush, limits. Holds and weights of other things too."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from services.api.domain.destinations import (
    DestinationPage,
    HoldAnswer,
    LimitsRequest,
    OperatorRequest,
    WeightRequest,
    check_destination,
    check_stream,
    reason_of,
)
from services.api.domain.errors import ApiError
from services.api.routes.answers import answer
from services.api.routes.body import read, read_optional
from services.api.routes.describe import operation
from services.api.routes.parts import OriginOf, PartsOf, batch_of
from shared.acceptance import valid_name
from shared.records import ControlKind

router = APIRouter(prefix="/v1", tags=["destinations"])

WHY = {"reason": "asked by their postmaster"}
Name = Annotated[str, Path(description="a recipient domain, or the name of a group of MX hosts")]
Action = Annotated[str, Path(pattern="^(hold|release)$", description="hold or release")]


def _asks(summary: str) -> dict[str, Any]:
    return operation(summary, accepts=OperatorRequest, example=WHY, returns=HoldAnswer, status=202, optional=True)


@router.get("/destinations", **operation("What waits, by destination", returns=DestinationPage))
async def list_destinations(
    parts: PartsOf,
    origin: OriginOf,
    *,
    destination: Annotated[str | None, Query(description="this one only")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    """Those with the oldest email first. An operator's key shows the emails of all tenants."""
    name = check_destination(destination) if destination is not None else None
    return answer(await parts.destinations.show(name=name, limit=limit, origin=origin))


@router.post("/destinations/{name}/flush", **_asks("Try what is deferred for a destination now"))
async def flush_destination(name: Name, request: Request, parts: PartsOf, origin: OriginOf) -> Response:
    """Also lifts what replies and connection trouble have imposed on it."""
    why = reason_of(await read_optional(request, OperatorRequest, limit=parts.body_limit))
    return answer(await parts.operating.flush(check_destination(name), reason=why, origin=origin), status=202)


@router.put(
    "/destinations/{name}/limits",
    **operation(
        "Limit a destination",
        accepts=LimitsRequest,
        example={"rate": 5, "connections": 2} | WHY,
        returns=HoldAnswer,
        status=202,
    ),
)
async def limit_destination(name: Name, request: Request, parts: PartsOf, origin: OriginOf) -> Response:
    """For operators. In place of the limits before; a body without any leaves it to the settings again."""
    limits = await read(request, LimitsRequest, limit=parts.body_limit)
    return answer(await parts.operating.limit(check_destination(name), limits, origin=origin), status=202)


@router.post("/destinations/{name}/{action}", **_asks("Hold or release a destination"))
async def hold_destination(name: Name, action: Action, request: Request, parts: PartsOf, origin: OriginOf) -> Response:
    """No new attempts until it is released. A release also lifts what replies and trouble have imposed."""
    return await _hold("destination", check_destination(name), action, request, parts, origin)


@router.post("/streams/{name}/{action}", **_asks("Hold or release a stream"))
async def hold_stream(name: str, action: Action, request: Request, parts: PartsOf, origin: OriginOf) -> Response:
    """No new attempts for the caller's emails of the stream; for those of all tenants when an operator asks."""
    return await _hold("stream", check_stream(name), action, request, parts, origin)


@router.post("/tenants/{name}/{action}", **_asks("Hold or release a tenant"))
async def hold_tenant(name: str, action: Action, request: Request, parts: PartsOf, origin: OriginOf) -> Response:
    """No new attempts for the tenant's emails; another tenant than one's own is for operators."""
    return await _hold("tenant", _tenant(name), action, request, parts, origin)


@router.put(
    "/tenants/{name}/weight",
    **operation("Weigh a tenant", accepts=WeightRequest, example={"weight": 3}, returns=HoldAnswer, status=202),
)
async def weigh_tenant(name: str, request: Request, parts: PartsOf, origin: OriginOf) -> Response:
    """For operators: so many turns in a row where other tenants have one."""
    weight = (await read(request, WeightRequest, limit=parts.body_limit)).weight
    return answer(await parts.operating.weigh(_tenant(name), weight, origin=origin), status=202)


@router.put(
    "/batches/{batch_id}/weight",
    **operation("Weigh a batch", accepts=WeightRequest, example={"weight": 3}, returns=HoldAnswer, status=202),
)
async def weigh_batch(batch_id: str, request: Request, parts: PartsOf, origin: OriginOf) -> Response:
    """So many turns in a row where the tenant's other batches have one."""
    weight = (await read(request, WeightRequest, limit=parts.body_limit)).weight
    number = batch_of(batch_id)
    return answer(await parts.operating.weigh(number, weight, origin=origin), status=202)


async def _hold(
    kind: ControlKind, name: str, action: str, request: Request, parts: PartsOf, origin: OriginOf
) -> Response:
    why = reason_of(await read_optional(request, OperatorRequest, limit=parts.body_limit))
    asked = await parts.operating.hold(kind, name, held=action == "hold", reason=why, origin=origin)
    return answer(asked, status=202)


def _tenant(name: str) -> str:
    if not valid_name(name):
        raise ApiError("not_found", "there is no such tenant")
    return name
