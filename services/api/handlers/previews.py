"""Previews and test mail: a template as its readers would get it."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final, Protocol

from msgspec.structs import replace

from services.api.domain.answers import Receipt
from services.api.domain.errors import ApiError
from services.api.domain.previews import (
    TEST_TAG,
    PreviewRequest,
    PreviewView,
    Rendered,
    TestMailRequest,
    draft_version,
    view_of,
)
from services.api.domain.record import Origin
from services.api.domain.templates import analyse
from services.api.handlers.drafts import DraftRows
from services.api.handlers.emails import Emails
from services.api.handlers.ports import Templates
from shared.acceptance.content import require_variables
from shared.acceptance.refusal import Refused
from shared.commands import Content
from shared.records import TemplateVersion

_UNSUBSCRIBE: Final = "https://unsubscribe.invalid/preview"  # in a mail it is the recipient's own


class PreviewRenderer(Protocol):
    """What renders as the sender does."""

    async def render(self, version: TemplateVersion, variables: Mapping[str, Any]) -> Rendered:
        """The mail; raises ApiError `rendering_failed` or `renderer_unavailable`."""


class Previews:
    """Shows and sends what a template makes of variables."""

    def __init__(self, *, copy: Templates, drafts: DraftRows, renderer: PreviewRenderer, emails: Emails) -> None:
        self._copy = copy
        self._drafts = drafts
        self._renderer = renderer
        self._emails = emails

    async def preview(self, name: str, request: PreviewRequest, *, origin: Origin) -> PreviewView:
        """The mail, and what its author should know. The variables are checked as those of an email are."""
        version = await self._version(name, request, origin=origin)
        return view_of(await self._rendered(version, request), version=version, stream=request.stream)

    async def test(self, name: str, request: TestMailRequest, *, origin: Origin, key: str | None) -> Receipt:
        """Send it, with the tag `test`: a draft as it is rendered here, a version by the sender as any other email."""
        version = await self._version(name, request, origin=origin)
        content = Content(sender=request.sender, to=request.to, stream=request.stream, tags=(TEST_TAG,))
        made = await self._made(content, version, request)
        return await self._emails.send(made, origin=origin, key=key)

    async def _made(self, content: Content, version: TemplateVersion, request: PreviewRequest) -> Content:
        if not request.draft:
            return replace(
                content, template=version.name, template_version=version.version, variables=request.variables
            )
        rendered = await self._rendered(version, request)
        return replace(content, subject=rendered.subject, html=rendered.html, text=rendered.text)

    async def _rendered(self, version: TemplateVersion, request: PreviewRequest) -> Rendered:
        try:
            require_variables(version, request.variables)
        except Refused as refused:
            raise ApiError.of(refused.refusal) from None
        return await self._renderer.render(version, {**request.variables, "unsubscribe_url": _UNSUBSCRIBE})

    async def _version(self, name: str, request: PreviewRequest, *, origin: Origin) -> TemplateVersion:
        if request.draft:
            return await self._draft(name, origin=origin)
        found = await self._copy.find(origin.tenant, name, request.version)
        if found is None:
            raise ApiError("not_found", "there is no such template or version")
        return found

    async def _draft(self, name: str, *, origin: Origin) -> TemplateVersion:
        draft = await self._drafts.get(origin.tenant, name)
        if draft is None:
            raise ApiError("not_found", "there is no draft of this template")
        required = await asyncio.to_thread(analyse, draft.content)
        return draft_version(draft.content, tenant=origin.tenant, name=name, required=required)
