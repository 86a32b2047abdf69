"""`/v1/templates`: publish and show."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, Response

from services.api.domain.answers import TemplateView
from services.api.domain.conditions import Condition, condition_of
from services.api.domain.drafts import version_tag
from services.api.domain.templates import TemplateRequest
from services.api.routes.answers import answer
from services.api.routes.body import read
from services.api.routes.describe import operation
from services.api.routes.parts import OriginOf, PartsOf

router = APIRouter(prefix="/v1/templates", tags=["templates"])

EXAMPLE = {
    "subject": "Your invoice {{ number }}",
    "html": "<p>Dear {{ name }}, please pay {{ amount }} by {{ due }}.</p>",
    "variables_schema": {"properties": {"due": {"type": "string", "format": "date"}}},
}


def condition_header(
    if_match: Annotated[
        str | None, Header(description="The ETag of what you have seen: it is changed only if that is there still.")
    ] = None,
    if_none_match: Annotated[str | None, Header(description="`*`: only if nothing is there.")] = None,
) -> Condition:
    """What must hold for a change."""
    return condition_of(if_match, if_none_match)


ConditionOf = Annotated[Condition, Depends(condition_header)]


@router.put(
    "/{name}", **operation("Publish a template", accepts=TemplateRequest, example=EXAMPLE, returns=TemplateView)
)
async def put_template(
    request: Request, name: str, parts: PartsOf, origin: OriginOf, condition: ConditionOf
) -> Response:
    """A new immutable version, published at once. The same content as is published changes nothing.

    With If-Match it is published only in place of the version that you have seen, else 412.
    """
    body = await read(request, TemplateRequest, limit=parts.body_limit)
    return show(await parts.templates.publish(name, body, origin=origin, condition=condition))


@router.get("/{name}", **operation("Show a template", returns=TemplateView))
async def show_template(
    name: str, parts: PartsOf, origin: OriginOf, version: Annotated[int | None, Query(ge=1)] = None
) -> Response:
    """The published version, or another. Its number is the ETag."""
    return show(await parts.templates.show(name, version=version, origin=origin))


def show(view: TemplateView) -> Response:
    """A version, with its ETag."""
    return answer(view, headers={"ETag": version_tag(view.version) or ""})
