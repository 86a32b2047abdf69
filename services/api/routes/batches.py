"""`/v1/batches`: up to 1,000 emails in one request, and their counts."""

from fastapi import APIRouter, Request, Response

from services.api import metrics
from services.api.domain.answers import BatchReceipt, BatchView
from services.api.domain.batches import BatchRequest
from services.api.domain.errors import ApiError
from services.api.routes.answers import answer
from services.api.routes.body import read
from services.api.routes.describe import operation
from services.api.routes.parts import KeyOf, OriginOf, PartsOf, WaitOf, applied, id_of

router = APIRouter(prefix="/v1/batches", tags=["batches"])

EXAMPLE = {
    "defaults": {"from": "Acme Billing <billing@acme.test>", "template": "invoice", "variables": {"year": 2026}},
    "tags": ["invoice"],
    "emails": [
        {"to": "ada@example.com", "variables": {"number": "4711"}},
        {"to": "grace@example.com", "variables": {"number": "4712"}},
    ],
}


@router.post(
    "", **operation("Send many emails", accepts=BatchRequest, example=EXAMPLE, returns=BatchReceipt, status=202)
)
async def send_batch(request: Request, parts: PartsOf, origin: OriginOf, key: KeyOf) -> Response:
    """Each email is accepted or refused on its own; when all are refused the answer is 422 and nothing is sent.

    A 503 says nothing of any email: repeat the request with the same Idempotency-Key.
    """
    batch = await read(request, BatchRequest, limit=parts.body_limit)
    receipt = await parts.batches.send(batch, origin=origin, key=key)
    metrics.accepted(batch.stream, receipt.acknowledged)
    return answer(receipt, status=202, headers={"Location": f"/v1/batches/{receipt.batch_id}"})


@router.get("/{batch_id}", **operation("Show a batch, with exact counts", returns=BatchView))
async def show_batch(batch_id: str, parts: PartsOf, origin: OriginOf, wait: WaitOf) -> Response:
    """With `Prefer: wait=N` it waits until all emails of a batch sent a moment ago are counted, and for its controls.

    `Preference-Applied` in the answer says that all that was done before is in it.
    """
    number = id_of(batch_id, missing=_unknown())
    seen = await parts.queries.batch(origin.tenant, number, wait=wait or 0)
    if seen.what is None:
        raise _unknown()
    return answer(seen.what, headers=applied(wait, current=seen.current))


def _unknown() -> ApiError:
    return ApiError("not_found", "there is no such batch")
