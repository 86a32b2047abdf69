"""Drafts: content of a template that nobody is sent; published, compared and listed."""

from collections.abc import Callable
from datetime import datetime
from typing import Final, Protocol

from services.api.domain.answers import TemplateView
from services.api.domain.conditions import ALWAYS, Condition
from services.api.domain.drafts import (
    Draft,
    DraftView,
    ListedTemplate,
    TemplateDiff,
    TemplatePage,
    compare,
    draft_tag,
)
from services.api.domain.errors import ApiError
from services.api.domain.record import Origin
from services.api.domain.templates import TemplateRequest, check, request_of
from services.api.handlers.templates import CopyOfTemplates, Templates

DRAFT: Final = "draft"
PUBLISHED: Final = "published"
Allow = Callable[[str | None], None]


class DraftRows(Protocol):
    """The rows of drafts; `allow` is asked with the ETag of what is there, and raises to forbid a change."""

    async def get(self, tenant: str, name: str) -> Draft | None:
        """The draft, if there is one."""

    async def names(self, tenant: str) -> list[str]:
        """The templates that have a draft."""

    async def put(self, tenant: str, name: str, content: TemplateRequest, *, now: datetime, allow: Allow) -> None:
        """Store it in place of what is there; others who change this template wait."""

    async def delete(self, tenant: str, name: str, *, allow: Allow) -> bool:
        """Whether there was one."""


class Drafts:
    """What can be done with drafts, and what needs drafts and versions."""

    def __init__(self, *, rows: DraftRows, copy: CopyOfTemplates, templates: Templates) -> None:
        self._rows = rows
        self._copy = copy
        self._templates = templates

    async def show(self, name: str, *, origin: Origin) -> DraftView:
        """The draft."""
        found = await self._get(name, origin=origin)
        published = self._copy.published(origin.tenant, name)
        return DraftView(name=name, published=published, content=found.content, updated_at=found.updated_at)

    async def put(
        self, name: str, content: TemplateRequest, *, origin: Origin, condition: Condition = ALWAYS
    ) -> DraftView:
        """Write the draft. Its syntax is checked when it is published: work that is not done can be kept."""
        check(name, content)
        await self._rows.put(origin.tenant, name, content, now=origin.now, allow=condition.require)
        published = self._copy.published(origin.tenant, name)
        return DraftView(name=name, published=published, content=content, updated_at=origin.now)

    async def delete(self, name: str, *, origin: Origin, condition: Condition = ALWAYS) -> None:
        """Throw the draft away."""
        if not await self._rows.delete(origin.tenant, name, allow=condition.require):
            raise _none()

    async def publish(self, name: str, *, origin: Origin, condition: Condition = ALWAYS) -> TemplateView:
        """Publish the draft, which is gone then; one that was written over meanwhile stays."""
        draft = await self._get(name, origin=origin)
        condition.require(draft_tag(draft.content))
        view = await self._templates.publish(name, draft.content, origin=origin)
        try:
            await self.delete(name, origin=origin, condition=Condition(tags=frozenset({draft_tag(draft.content)})))
        except ApiError as error:
            if error.code not in ("precondition_failed", "not_found"):
                raise
        return view

    async def diff(self, name: str, *, old: str, new: str, origin: Origin) -> TemplateDiff:
        """How two of draft, published version and numbered versions differ."""
        before, after = [await self._side(name, side, origin=origin) for side in (old, new)]
        return TemplateDiff(name=name, old=old, new=new, parts=compare(before, after, names=(old, new)))

    async def page(self, *, limit: int, after: str | None, origin: Origin) -> TemplatePage:
        """The templates that are published or have a draft, by name."""
        await self._copy.refresh()
        drafts = set(await self._rows.names(origin.tenant))
        names = sorted(name for name in drafts.union(self._copy.names(origin.tenant)) if name > (after or ""))
        listed = tuple(self._listed(name, drafts=drafts, origin=origin) for name in names[:limit])
        return TemplatePage(templates=listed, next_cursor=names[limit - 1] if len(names) > limit else None)

    def _listed(self, name: str, *, drafts: set[str], origin: Origin) -> ListedTemplate:
        return ListedTemplate(
            name=name,
            published=self._copy.published(origin.tenant, name),
            newest=self._copy.newest(origin.tenant, name),
            draft=name in drafts,
        )

    async def _get(self, name: str, *, origin: Origin) -> Draft:
        found = await self._rows.get(origin.tenant, name)
        if found is None:
            raise _none()
        return found

    async def _side(self, name: str, side: str, *, origin: Origin) -> TemplateRequest:
        if side == DRAFT:
            return (await self._get(name, origin=origin)).content
        number = None if side == PUBLISHED else int(side)
        found = await self._copy.find(origin.tenant, name, number)
        if found is None:
            raise ApiError("not_found", f"there is no version {side}" if number else "no version is published")
        return request_of(found)


def _none() -> ApiError:
    return ApiError("not_found", "there is no draft of this template")
