"""Publishing a template: its syntax checked, its version written to the log first and to its row after."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from services.api.domain import record
from services.api.domain.answers import TemplateView
from services.api.domain.errors import ApiError
from services.api.domain.record import Origin
from services.api.domain.templates import TemplateRequest, analyse, check, content_hash, pointer_to, version_of
from services.api.handlers.ports import Log
from services.api.handlers.ports import Templates as Published
from shared.records import TemplateVersion
from shared.topics import TEMPLATES

Publish = Callable[[int], Awaitable[TemplateVersion]]


class TemplateRows(Protocol):
    """The rows of templates."""

    async def publish(self, tenant: str, name: str, publish: Publish) -> TemplateVersion:
        """Hold others off, call `publish` with the highest number that has a row, add the row of what it wrote."""


class CopyOfTemplates(Published, Protocol):
    """The copy of the topic, as publishing needs it."""

    async def refresh(self) -> None:
        """Wait until the copy holds all that the log holds now."""

    def newest(self, tenant: str, name: str) -> int:
        """The highest version number, 0 before the first."""


class Templates:
    """Publishes and shows templates."""

    def __init__(self, *, log: Log, copy: CopyOfTemplates, rows: TemplateRows) -> None:
        self._log = log
        self._copy = copy
        self._rows = rows

    async def publish(self, name: str, request: TemplateRequest, *, origin: Origin) -> TemplateView:
        """Publish; the same content as is published gives the version that there is."""
        check(name, request)
        required = await asyncio.to_thread(analyse, request)

        async def publish(rows: int) -> TemplateVersion:
            await self._copy.refresh()
            live = await self._copy.find(origin.tenant, name)
            if live is not None and live.content_hash == content_hash(request):
                return live
            number = max(rows, self._copy.newest(origin.tenant, name)) + 1
            version = version_of(request, tenant=origin.tenant, name=name, number=number, required=required)
            await self._write(version, origin=origin)
            return version

        version = await self._rows.publish(origin.tenant, name, publish)
        await self._copy.refresh()
        return _view(version, published=version.version)

    async def show(self, name: str, *, version: int | None, origin: Origin) -> TemplateView:
        """A version, or the published one."""
        found = await self._copy.find(origin.tenant, name, version)
        if found is None:
            raise ApiError("not_found", "there is no such template or version")
        return _view(found, published=self._copy.published(origin.tenant, name) or 0)

    async def _write(self, version: TemplateVersion, *, origin: Origin) -> None:
        name = f"{version.tenant}/{version.name}"
        numbered = f"{name}/{version.version}"
        await self._log.write([record.last_value(TEMPLATES.name, numbered, version, origin=origin)])
        await self._log.write([record.last_value(TEMPLATES.name, name, pointer_to(version), origin=origin)])


def _view(version: TemplateVersion, *, published: int) -> TemplateView:
    return TemplateView(
        name=version.name,
        version=version.version,
        published=published,
        subject=version.subject,
        html=version.html,
        text=version.text,
        required=version.required,
        content_hash=version.content_hash,
    )
