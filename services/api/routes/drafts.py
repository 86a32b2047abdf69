"""`/v1/templates/…`: list, drafts, publishing and rolling back, history, differences, deleting."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from services.api.domain.answers import TemplateView
from services.api.domain.drafts import (
    DraftView,
    PublishRequest,
    TemplateDiff,
    TemplateHistory,
    TemplatePage,
    draft_tag,
)
from services.api.domain.templates import TemplateRequest
from services.api.routes.answers import answer
from services.api.routes.body import read, read_optional
from services.api.routes.describe import operation
from services.api.routes.parts import OriginOf, PartsOf
from services.api.routes.templates import EXAMPLE, ConditionOf, show

router = APIRouter(prefix="/v1/templates", tags=["templates"])

_SIDE = r"^(draft|published|[1-9]\d{0,8})$"
_WHICH = "`draft`, `published`, or a version's number"


@router.get("", **operation("List templates", returns=TemplatePage))
async def list_templates(
    parts: PartsOf,
    origin: OriginOf,
    *,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=64)] = None,
) -> Response:
    """By name: those that are published or have a draft."""
    return answer(await parts.drafts.page(limit=limit, after=cursor, origin=origin))


@router.get("/{name}/draft", **operation("Show a draft", returns=DraftView))
async def show_draft(name: str, parts: PartsOf, origin: OriginOf) -> Response:
    """What would be published. Its ETag goes into the If-Match of a change."""
    return _draft(await parts.drafts.show(name, origin=origin))


@router.put("/{name}/draft", **operation("Write a draft", accepts=TemplateRequest, example=EXAMPLE, returns=DraftView))
async def put_draft(request: Request, name: str, parts: PartsOf, origin: OriginOf, condition: ConditionOf) -> Response:
    """Nobody is sent a draft. With If-Match it is written only over what you have seen, else 412."""
    body = await read(request, TemplateRequest, limit=parts.body_limit)
    return _draft(await parts.drafts.put(name, body, origin=origin, condition=condition))


@router.delete("/{name}/draft", **operation("Throw a draft away", status=204))
async def delete_draft(name: str, parts: PartsOf, origin: OriginOf, condition: ConditionOf) -> Response:
    """Published versions stay."""
    await parts.drafts.delete(name, origin=origin, condition=condition)
    return Response(status_code=204)


@router.post(
    "/{name}/publish",
    **operation(
        "Publish a draft, or an earlier version again",
        accepts=PublishRequest,
        example={"version": 1},
        optional=True,
        returns=TemplateView,
    ),
)
async def publish_template(
    request: Request, name: str, parts: PartsOf, origin: OriginOf, condition: ConditionOf
) -> Response:
    """Without a body the draft becomes a new version. With a version's number that one is published again: a rollback.

    If-Match means the draft's ETag when the draft is published, else that of the template.
    """
    body = await read_optional(request, PublishRequest, limit=parts.body_limit)
    if body is None:
        return show(await parts.drafts.publish(name, origin=origin, condition=condition))
    return show(await parts.templates.republish(name, body.version, origin=origin, condition=condition))


@router.get("/{name}/versions", **operation("List a template's versions", returns=TemplateHistory))
async def list_versions(name: str, parts: PartsOf, origin: OriginOf) -> Response:
    """All of them, the newest first; a version never changes."""
    return answer(await parts.templates.history(name, origin=origin))


@router.get("/{name}/diff", **operation("Compare two versions of a template", returns=TemplateDiff))
async def diff_template(
    name: str,
    parts: PartsOf,
    origin: OriginOf,
    *,
    old: Annotated[str, Query(alias="from", pattern=_SIDE, description=_WHICH)] = "published",
    new: Annotated[str, Query(alias="to", pattern=_SIDE, description=_WHICH)] = "draft",
) -> Response:
    """A unified diff of each part that differs: subject, html, text, variables_schema."""
    return answer(await parts.drafts.diff(name, old=old, new=new, origin=origin))


@router.delete("/{name}", **operation("Delete a template", status=204))
async def delete_template(name: str, parts: PartsOf, origin: OriginOf, condition: ConditionOf) -> Response:
    """New emails cannot use it; those accepted before are sent. Its draft stays.

    Publishing one of its versions again brings it back.
    """
    await parts.templates.delete(name, origin=origin, condition=condition)
    return Response(status_code=204)


def _draft(view: DraftView) -> Response:
    return answer(view, headers={"ETag": draft_tag(view.content)})
