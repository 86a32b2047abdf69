"""`/v1/templates`: publish and show."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from services.api.domain.answers import TemplateView
from services.api.domain.templates import TemplateRequest
from services.api.routes.answers import answer
from services.api.routes.body import read
from services.api.routes.describe import operation
from services.api.routes.parts import OriginOf, PartsOf

router = APIRouter(prefix="/v1/templates", tags=["templates"])

EXAMPLE = {
    "subject": "Your invoice {{ number }}",
    "html": "<p>Dear {{ name }}, please pay {{ amount }} by {{ due }}.</p>",
}


@router.put(
    "/{name}", **operation("Publish a template", accepts=TemplateRequest, example=EXAMPLE, returns=TemplateView)
)
async def put_template(request: Request, name: str, parts: PartsOf, origin: OriginOf) -> Response:
    """A new immutable version, published at once. The same content as is published changes nothing."""
    body = await read(request, TemplateRequest, limit=parts.body_limit)
    return _show(await parts.templates.publish(name, body, origin=origin))


@router.get("/{name}", **operation("Show a template", returns=TemplateView))
async def show_template(
    name: str, parts: PartsOf, origin: OriginOf, version: Annotated[int | None, Query(ge=1)] = None
) -> Response:
    """The published version, or another. Its number is the ETag."""
    return _show(await parts.templates.show(name, version=version, origin=origin))


def _show(view: TemplateView) -> Response:
    return answer(view, headers={"ETag": f'"{view.version}"'})
