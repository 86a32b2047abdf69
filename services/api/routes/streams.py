"""The body of a streamed batch: unpacked as it comes, in portions of lines."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Annotated, Final

from fastapi import Depends, Query, Request, Response
from starlette.requests import ClientDisconnect

from services.api import metrics
from services.api.domain.errors import ApiError
from services.api.domain.forms import Asked, Csv, Form, Ndjson
from services.api.domain.inflate import Inflate
from services.api.domain.lines import Line
from services.api.domain.record import Origin
from services.api.routes.answers import answer
from services.api.routes.body import let_finish
from services.api.routes.parts import Parts
from shared.events.envelope import Stream

FORMS: Final[Mapping[str, Callable[[Asked], Form]]] = {
    "application/x-ndjson": Ndjson,
    "application/jsonl": Ndjson,
    "text/csv": Csv,
}
PORTION: Final = 1000  # lines
PORTION_BYTES: Final = 4 * 1024 * 1024
SLOWEST: Final = 60.0  # seconds between two pieces of a body


def asked(
    *,
    sender: Annotated[str | None, Query(alias="from", description="streams: `from` of all emails")] = None,
    template: Annotated[str | None, Query(description="streams: `template` of all emails")] = None,
    template_version: Annotated[int | None, Query(description="streams: `template_version` of all emails")] = None,
    list_name: Annotated[str | None, Query(alias="list", description="streams: `list` of all emails")] = None,
    stream: Annotated[Stream | None, Query(description="streams: the batch's `stream`")] = None,
    tags: Annotated[tuple[str, ...], Query(description="streams: the batch's `tags`")] = (),
    reference: Annotated[str | None, Query(description="streams: the batch's `reference`")] = None,
) -> Asked:
    """What the query says of all emails of a stream."""
    said = {"from": sender, "template": template, "template_version": template_version, "list": list_name}
    defaults = {name: value for name, value in said.items() if value is not None}
    return Asked(defaults=defaults, stream=stream, tags=tags, reference=reference)


AskedOf = Annotated[Asked, Depends(asked)]


def form_of(request: Request, asked: Asked) -> Form | None:
    """How to read the body by its media type; None when it is one JSON document."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    found = FORMS.get(kind)
    if found is not None:
        return found(asked)
    if asked != Asked():
        raise ApiError("invalid_parameter", "the query goes with a stream; in JSON the body says it")
    return None


async def send_stream(
    request: Request, form: Form, *, parts: Parts, origin: Origin, key: str | None, dry: bool
) -> Response:
    """Take the stream; a 4xx that comes in the middle of it waits a little for the client to stop writing."""
    body = request.stream()
    try:
        outcome = await parts.intake.send(
            portions(_unpacked(request, body), form), form, origin=origin, key=key, dry=dry
        )
    except ApiError:
        with contextlib.suppress(ClientDisconnect):
            await let_finish(body)
        raise
    except ClientDisconnect:
        raise ApiError("body_stalled", "the client went away") from None
    metrics.accepted(form.shared.stream, outcome.fresh)
    receipt = outcome.receipt
    return answer(
        receipt, status=200 if dry else 202, headers={} if dry else {"Location": f"/v1/batches/{receipt.batch_id}"}
    )


async def portions(body: AsyncIterator[bytes], form: Form) -> AsyncIterator[list[Line]]:
    """Up to 1,000 lines at a time, of some 4 MB at most."""
    found: list[Line] = []
    size = 0
    async for piece in body:
        for line in form.lines(piece):
            found.append(line)
            size += len(line.text or b"")
            if len(found) == PORTION or size >= PORTION_BYTES:
                yield found
                found, size = [], 0
    found += form.end()
    if found:
        yield found


async def _unpacked(request: Request, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip"):
        raise ApiError("unsupported_encoding", "a stream may be compressed with gzip")
    inflate = Inflate() if encoding == "gzip" else None
    async for piece in _timely(body):
        pieces: Iterable[bytes] = (piece,) if inflate is None else inflate.feed(piece)
        for content in pieces:
            yield content
    if inflate is not None:
        inflate.end()


async def _timely(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    while True:
        try:
            async with asyncio.timeout(SLOWEST):
                piece = await anext(body, None)
        except TimeoutError:
            raise ApiError("body_stalled", f"no piece of the body came for {SLOWEST:.0f} s") from None
        if piece is None:
            return
        yield piece
