"""The rows of templates' drafts."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.postgresql import insert

from services.api.adapters.database import Database
from services.api.adapters.state import lock_template
from services.api.domain.drafts import Draft, draft_tag
from services.api.domain.templates import TemplateRequest
from shared.acceptance import valid_name
from shared.db.state import template_drafts

_decode: Final = msgspec.json.Decoder(TemplateRequest).decode


class DraftRows:
    """Drafts by tenant and name; `allow` is asked with the ETag of what is there, and raises to forbid a change."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, tenant: str, name: str) -> Draft | None:
        """The draft, if there is one."""
        return await self._database.run(_get, tenant=tenant, name=name) if valid_name(name) else None

    async def names(self, tenant: str) -> list[str]:
        """The templates that have a draft."""
        return await self._database.run(_names, tenant=tenant)

    async def put(
        self,
        tenant: str,
        name: str,
        content: TemplateRequest,
        *,
        now: datetime,
        allow: Callable[[str | None], None],
    ) -> None:
        """Store it in place of what is there; others who change this template wait."""
        await self._database.run(_put, tenant=tenant, name=name, content=content, now=now, allow=allow)

    async def delete(self, tenant: str, name: str, *, allow: Callable[[str | None], None]) -> bool:
        """Whether there was one."""
        if not valid_name(name):
            return False
        return await self._database.run(_delete, tenant=tenant, name=name, allow=allow)


def _mine(tenant: str, name: str) -> tuple[Any, Any]:
    return template_drafts.c.tenant == tenant, template_drafts.c.name == name


def _get(connection: Connection, *, tenant: str, name: str) -> Draft | None:
    row = connection.execute(select(template_drafts).where(*_mine(tenant, name))).one_or_none()
    return Draft(content=_decode(row.content), updated_at=row.updated_at) if row else None


def _names(connection: Connection, *, tenant: str) -> list[str]:
    return list(connection.execute(select(template_drafts.c.name).where(template_drafts.c.tenant == tenant)).scalars())


def _etag(connection: Connection, *, tenant: str, name: str) -> str | None:
    """The ETag of what is there, when nobody else can change it any more."""
    lock_template(connection, tenant=tenant, name=name)
    return connection.execute(select(template_drafts.c.etag).where(*_mine(tenant, name))).scalar_one_or_none()


def _put(
    connection: Connection,
    *,
    tenant: str,
    name: str,
    content: TemplateRequest,
    now: datetime,
    allow: Callable[[str | None], None],
) -> None:
    allow(_etag(connection, tenant=tenant, name=name))
    values = {"content": msgspec.json.encode(content).decode(), "etag": draft_tag(content), "updated_at": now}
    row = insert(template_drafts).values(tenant=tenant, name=name, **values)
    connection.execute(row.on_conflict_do_update(index_elements=["tenant", "name"], set_=values))


def _delete(connection: Connection, *, tenant: str, name: str, allow: Callable[[str | None], None]) -> bool:
    allow(_etag(connection, tenant=tenant, name=name))
    return connection.execute(delete(template_drafts).where(*_mine(tenant, name))).rowcount == 1
