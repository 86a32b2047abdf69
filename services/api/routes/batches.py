"""`/v1/batches`: up to 1,000 emails in one request or a stream of any length, and its counts."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from services.api import metrics
from services.api.domain.answers import BatchReceipt, BatchView
from services.api.domain.batches import BatchRequest
from services.api.domain.errors import ApiError
from services.api.domain.preferences import RejectionCursor, read_cursor
from services.api.domain.rejections import RejectionPage
from services.api.routes.answers import answer
from services.api.routes.body import read
from services.api.routes.describe import operation
from services.api.routes.parts import KeyOf, OriginOf, PartsOf, WaitOf, applied, batch_of, no_batch
from services.api.routes.streams import AskedOf, form_of, send_stream

router = APIRouter(prefix="/v1/batches", tags=["batches"])

EXAMPLE = {
    "defaults": {"from": "Acme Billing <billing@acme.test>", "template": "invoice", "variables": {"year": 2026}},
    "tags": ["invoice"],
    "emails": [
        {"to": "ada@example.com", "variables": {"number": "4711"}},
        {"to": "grace@example.com", "variables": {"number": "4712"}},
    ],
}
STREAMS = {
    "application/x-ndjson": (
        '{"defaults": {"from": "billing@acme.test", "template": "invoice", "variables": {"year": 2026}}}\n'
        '{"to": "ada@example.com", "variables": {"number": "4711"}}\n'
        '{"to": "grace@example.com", "variables": {"number": "4712"}}\n'
    ),
    "text/csv": "to,reference,number\nada@example.com,c/17,4711\ngrace@example.com,c/18,4712\n",
}


@router.post(
    "",
    **operation(
        "Send many emails", accepts=BatchRequest, example=EXAMPLE, returns=BatchReceipt, status=202, streams=STREAMS
    ),
)
async def send_batch(
    request: Request,
    parts: PartsOf,
    origin: OriginOf,
    key: KeyOf,
    asked: AskedOf,
    *,
    dry_run: Annotated[bool, Query(description="streams: check everything, send nothing; answers 200")] = False,
) -> Response:
    """Each email is accepted or refused on its own; when all are refused the answer is 422 and nothing is sent.

    One JSON document has up to 1,000 emails. A stream has any number, an email a line: NDJSON whose lines are members
    of `emails`, after an optional first line with `defaults`, `stream`, `tags` and `reference`; or CSV, whose first row
    names the columns: `to`, `to_name`, `reply_to`, `reference`, `send_at`, `expires_at`, `list`, `tags` (separated by
    commas), `metadata.NAME`, and every other one, or `variables.NAME`, is a variable. The query goes before the first
    line. `Content-Encoding: gzip` is taken. A stream is written as it comes, and answered by a StreamReceipt: when it
    breaks, what was written is sent; send it whole again under the same Idempotency-Key, which a stream must have.

    A 503 says nothing of any email: repeat the request with the same Idempotency-Key.
    """
    form = form_of(request, asked)
    if form is not None:
        return await send_stream(request, form, parts=parts, origin=origin, key=key, dry=dry_run)
    if dry_run:
        raise ApiError("invalid_parameter", "goes with a stream", field="dry_run")
    batch = await read(request, BatchRequest, limit=parts.body_limit)
    receipt = await parts.batches.send(batch, origin=origin, key=key)
    metrics.accepted(batch.stream, receipt.acknowledged)
    return answer(receipt, status=202, headers={"Location": f"/v1/batches/{receipt.batch_id}"})


@router.get("/{batch_id}/rejections", **operation("What was refused of a streamed batch", returns=RejectionPage))
async def list_rejections(
    batch_id: str,
    parts: PartsOf,
    origin: OriginOf,
    *,
    limit: Annotated[int, Query(ge=1, le=1000)] = 1000,
    cursor: str | None = None,
) -> Response:
    """Each with its line, code and field, in the order of the lines; also while the stream still comes."""
    number = batch_of(batch_id)
    after = read_cursor(cursor, RejectionCursor)
    return answer(await parts.refused.page(number, cursor=after, limit=limit, origin=origin))


@router.get("/{batch_id}", **operation("Show a batch, with exact counts", returns=BatchView))
async def show_batch(batch_id: str, parts: PartsOf, origin: OriginOf, wait: WaitOf) -> Response:
    """With `Prefer: wait=N` it waits until all emails of a batch sent a moment ago are counted, and for its controls.

    `Preference-Applied` in the answer says that all that was done before is in it.
    """
    number = batch_of(batch_id)
    seen = await parts.watching.batch(origin.tenant, number, wait=wait or 0)
    if seen.what is None:
        raise no_batch()
    return answer(seen.what, headers=applied(wait, current=seen.current))
