"""`/v1/batches/{batch_id}/progress`: a batch watched until its end, as Server-Sent Events."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any, Final

import msgspec
from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from fastapi.sse import EventSourceResponse, format_sse_event

from services.api.domain.answers import BatchView
from services.api.domain.rates import finished
from services.api.routes.describe import operation
from services.api.routes.parts import OriginOf, PartsOf, WaitOf, applied, batch_of, patience

router = APIRouter(prefix="/v1/batches", tags=["batches"])

HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # no proxy may keep an event to itself
_encode = msgspec.json.Encoder().encode


def _streamed(summary: str) -> dict[str, Any]:
    said = operation(summary)
    events = {"schema": {"type": "string"}, "example": 'event: progress\ndata: {"counts": {"delivered": 2}, …}\n\n'}
    said["responses"][200] = {
        "description": "Events, each with a BatchView.",
        "content": {EventSourceResponse.media_type: events},
    }
    return said


@router.get("/{batch_id}/progress", response_class=StreamingResponse, **_streamed("Watch a batch until its end"))
async def watch_batch(batch_id: str, parts: PartsOf, origin: OriginOf, wait: WaitOf) -> EventSourceResponse:
    """Server-Sent Events: `progress` now and whenever something has changed, at most once a second; then `finished`.

    The data of both is what `GET /v1/batches/{batch_id}` answers. `finished` comes when the batch is closed and all of
    it is final, and is the last. A comment comes when nothing has changed for 15 seconds. After 15 minutes the stream
    ends without it: ask again, as an EventSource does by itself. There is nothing to miss: every event says all.
    """
    views = parts.watching.watch(origin.tenant, batch_of(batch_id), wait=patience(wait))
    first = await anext(views)  # what is wrong is a problem document yet: so this is no generator itself
    return EventSourceResponse(_events(first, views), headers=HEADERS | applied(wait))


async def _events(first: BatchView | None, views: AsyncGenerator[BatchView | None, None]) -> AsyncIterator[bytes]:
    async with aclosing(views):
        yield _event(first)
        async for view in views:
            yield _event(view)


def _event(view: BatchView | None) -> bytes:
    if view is None:
        return format_sse_event(comment="nothing new")
    return format_sse_event(event="finished" if finished(view) else "progress", data_str=_encode(view).decode())
