"""Publishing a template: its syntax checked, its version written to the log first and to its row after.

Every change happens with all others of the same template held off, in every process, and with the copy caught up: so
a condition (`If-Match`) is judged by what is there.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from services.api.domain import record
from services.api.domain.answers import TemplateView
from services.api.domain.conditions import ALWAYS, Condition
from services.api.domain.drafts import ListedVersion, TemplateHistory, version_tag
from services.api.domain.errors import ApiError
from services.api.domain.record import Origin
from services.api.domain.templates import (
    TemplateRequest,
    analyse,
    check,
    content_hash,
    deleted,
    pointer_to,
    version_of,
)
from services.api.handlers.ports import Log
from services.api.handlers.ports import Templates as Published
from shared.acceptance import valid_name
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

    def version(self, tenant: str, name: str, number: int) -> TemplateVersion | None:
        """That version, also when the template was deleted, as far as is known here."""

    def names(self, tenant: str) -> list[str]:
        """The templates that are published, as far as is known here."""


class Templates:
    """Publishes and shows templates."""

    def __init__(self, *, log: Log, copy: CopyOfTemplates, rows: TemplateRows) -> None:
        self._log = log
        self._copy = copy
        self._rows = rows

    async def publish(
        self, name: str, request: TemplateRequest, *, origin: Origin, condition: Condition = ALWAYS
    ) -> TemplateView:
        """Publish; the same content as is published gives the version that there is."""
        check(name, request)
        required = await asyncio.to_thread(analyse, request)

        async def publish(rows: int) -> TemplateVersion:
            live = await self._live(name, origin=origin, condition=condition)
            if live is not None and live.content_hash == content_hash(request):
                return live
            number = max(rows, self._copy.newest(origin.tenant, name)) + 1
            version = version_of(request, tenant=origin.tenant, name=name, number=number, required=required)
            await self._write(version, origin=origin)
            return version

        return await self._change(name, publish, origin=origin)

    async def republish(self, name: str, number: int, *, origin: Origin, condition: Condition = ALWAYS) -> TemplateView:
        """Publish a version that there is: an earlier one, or the last one of a template that was deleted."""
        _require_name(name)

        async def point(rows: int) -> TemplateVersion:
            live = await self._live(name, origin=origin, condition=condition)
            version = self._copy.version(origin.tenant, name, number)
            if version is None:
                raise _unknown()
            if live != version:
                await self._point(version, origin=origin)
            return version

        return await self._change(name, point, origin=origin)

    async def delete(self, name: str, *, origin: Origin, condition: Condition = ALWAYS) -> None:
        """No new email may use it; those accepted before are sent as if nothing had happened."""
        _require_name(name)

        async def delete(rows: int) -> TemplateVersion:
            live = await self._live(name, origin=origin, condition=condition)
            if live is None:
                raise _unknown()
            key = f"{live.tenant}/{live.name}"
            await self._log.write([record.last_value(TEMPLATES.name, key, deleted(live), origin=origin)])
            return live

        await self._rows.publish(origin.tenant, name, delete)
        await self._copy.refresh()

    async def show(self, name: str, *, version: int | None, origin: Origin) -> TemplateView:
        """A version, or the published one."""
        found = await self._copy.find(origin.tenant, name, version)
        if found is None:
            raise _unknown()
        return _view(found, published=self._copy.published(origin.tenant, name) or 0)

    async def history(self, name: str, *, origin: Origin) -> TemplateHistory:
        """All versions, the newest first."""
        live = await self._copy.find(origin.tenant, name)
        if live is None:
            raise _unknown()
        numbers = range(self._copy.newest(origin.tenant, name), 0, -1)
        versions = [found for number in numbers if (found := self._copy.version(origin.tenant, name, number))]
        return TemplateHistory(name=name, versions=tuple(_listed(one, live=live) for one in versions))

    async def _live(self, name: str, *, origin: Origin, condition: Condition) -> TemplateVersion | None:
        """What is published, once the copy holds all that the log holds; raises for a condition that fails."""
        await self._copy.refresh()
        live = await self._copy.find(origin.tenant, name)
        condition.require(version_tag(live.version if live else None))
        return live

    async def _change(self, name: str, change: Publish, *, origin: Origin) -> TemplateView:
        version = await self._rows.publish(origin.tenant, name, change)
        await self._copy.refresh()
        return _view(version, published=version.version)

    async def _write(self, version: TemplateVersion, *, origin: Origin) -> None:
        numbered = f"{version.tenant}/{version.name}/{version.version}"
        await self._log.write([record.last_value(TEMPLATES.name, numbered, version, origin=origin)])
        await self._point(version, origin=origin)

    async def _point(self, version: TemplateVersion, *, origin: Origin) -> None:
        name = f"{version.tenant}/{version.name}"
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
        variables_schema=version.variables_schema,
    )


def _listed(version: TemplateVersion, *, live: TemplateVersion) -> ListedVersion:
    return ListedVersion(
        version=version.version,
        published=version.version == live.version,
        content_hash=version.content_hash,
        required=version.required,
    )


def _require_name(name: str) -> None:
    """What can be no template's name names nothing; the database would not even take some of it."""
    if not valid_name(name):
        raise _unknown()


def _unknown() -> ApiError:
    return ApiError("not_found", "there is no such template or version")
