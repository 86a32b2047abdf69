"""`/v1/templates/{name}/preview` and `/test`: look before others do."""

from fastapi import APIRouter, Request, Response

from services.api import metrics
from services.api.domain.answers import Receipt
from services.api.domain.previews import PreviewRequest, PreviewView, TestMailRequest
from services.api.routes.answers import answer
from services.api.routes.body import read
from services.api.routes.describe import operation
from services.api.routes.parts import KeyOf, OriginOf, PartsOf

router = APIRouter(prefix="/v1/templates", tags=["templates"])

EXAMPLE = {"draft": True, "variables": {"number": "4711", "name": "Ada", "amount": "€ 20.00", "due": "2026-12-01"}}
TEST_EXAMPLE = EXAMPLE | {"from": "Acme Billing <billing@acme.test>", "to": "me@acme.test"}


@router.post(
    "/{name}/preview",
    **operation("Preview a template", accepts=PreviewRequest, example=EXAMPLE, returns=PreviewView),
)
async def preview_template(request: Request, name: str, parts: PartsOf, origin: OriginOf) -> Response:
    """What the sender would make of these variables, before it tracks links; with warnings. Nothing is sent.

    The HTML is a stranger's: show it in a sandbox only.
    """
    body = await read(request, PreviewRequest, limit=parts.body_limit)
    return answer(await parts.previews.preview(name, body, origin=origin))


@router.post(
    "/{name}/test",
    **operation(
        "Send a test of a template", accepts=TestMailRequest, example=TEST_EXAMPLE, returns=Receipt, status=202
    ),
)
async def test_template(request: Request, name: str, parts: PartsOf, origin: OriginOf, key: KeyOf) -> Response:
    """An email like any other, to the address given, with the tag `test`. In a draft's, unsubscribe_url is not real."""
    body = await read(request, TestMailRequest, limit=parts.body_limit)
    receipt = await parts.previews.test(name, body, origin=origin, key=key)
    metrics.accepted(body.stream)
    return answer(receipt, status=202, headers={"Location": f"/v1/emails/{receipt.email_id}"})
