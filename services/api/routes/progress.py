"""`/v1/batches/{batch_id}/progress`: a batch watched until its end, as Server-Sent Events."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any, Final

import msgspec
from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from services.api.domain.answers import BatchView
from services.api.domain.errors import ApiError
from services.api.domain.rates import finished
from services.api.routes.describe import operation
from services.api.routes.parts import OriginOf, PartsOf, id_of

router = APIRouter(prefix="/v1/batches", tags=["batches"])

EVENT_STREAM: Final = "text/event-stream"
HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # no proxy may keep an event to itself
_encode = msgspec.json.Encoder().encode


def _streamed(summary: str) -> dict[str, Any]:
    said = operation(summary)
    events = {"schema": {"type": "string"}, "example": 'event: progress\ndata: {"counts": {"delivered": 2}, …}\n\n'}
    said["responses"][200] = {"description": "Events, each with a BatchView.", "content": {EVENT_STREAM: events}}
    return said


@router.get("/{batch_id}/progress", response_class=StreamingResponse, **_streamed("Watch a batch until its end"))
async def watch_batch(batch_id: str, parts: PartsOf, origin: OriginOf) -> StreamingResponse:
    """Server-Sent Events: `progress` now and whenever something has changed, at most once a second; then `finished`.

    The data of both is what `GET /v1/batches/{batch_id}` answers. `finished` comes when the batch is closed and all of
    it is final, and is the last. A comment comes when nothing has changed for 15 seconds. After 15 minutes the stream
    ends without it: ask again, as an EventSource does by itself. There is nothing to miss: every event says all.
    """
    unknown = ApiError("not_found", "there is no such batch")
    views = parts.watching.watch(origin.tenant, id_of(batch_id, missing=unknown))
    first = await anext(views)  # what is wrong is a problem document yet
    return StreamingResponse(_events(first, views), media_type=EVENT_STREAM, headers=HEADERS)


async def _events(first: BatchView | None, views: AsyncGenerator[BatchView | None, None]) -> AsyncIterator[bytes]:
    async with aclosing(views):
        yield _event(first)
        async for view in views:
            yield _event(view)


def _event(view: BatchView | None) -> bytes:
    if view is None:
        return b": nothing new\n\n"
    name = b"finished" if finished(view) else b"progress"
    return b"event: " + name + b"\ndata: " + _encode(view) + b"\n\n"
