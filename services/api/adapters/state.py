"""The schema `state`: API keys and the rows of published templates."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, func, select, update
from sqlalchemy.dialects.postgresql import insert

from services.api.adapters.database import Database
from services.api.domain.keys import StoredKey, hash_of, prefix_of
from shared.db.state import api_keys, templates, tenants
from shared.records import TemplateVersion


class ListedKey(NamedTuple):
    """A key as operators see it."""

    prefix: str
    tenant: str
    name: str
    created_at: datetime
    revoked_at: datetime | None


def active_keys(connection: Connection) -> dict[str, StoredKey]:
    """All keys that are not revoked, by prefix."""
    rows = connection.execute(select(api_keys).where(api_keys.c.revoked_at.is_(None)))
    return {row.id: StoredKey(prefix=row.id, tenant=row.tenant, secret_hash=row.secret_hash) for row in rows}


def put_key(connection: Connection, *, key: str, tenant: str, name: str) -> None:
    """Store a key (its hash) for a tenant, who is made when new; storing one twice changes nothing."""
    prefix = prefix_of(key)
    if prefix is None:
        raise ValueError("not an API key of ours")
    connection.execute(insert(tenants).values(tenant=tenant).on_conflict_do_nothing())
    row = insert(api_keys).values(id=prefix, tenant=tenant, name=name, secret_hash=hash_of(key))
    connection.execute(row.on_conflict_do_nothing())


def list_keys(connection: Connection) -> list[ListedKey]:
    """All keys, the oldest first."""
    rows = connection.execute(select(api_keys).order_by(api_keys.c.created_at, api_keys.c.id))
    return [ListedKey(row.id, row.tenant, row.name, row.created_at, row.revoked_at) for row in rows]


def revoke_key(connection: Connection, *, prefix: str) -> bool:
    """End a key; False when there is no such key that is active."""
    active = update(api_keys).where(api_keys.c.id == prefix, api_keys.c.revoked_at.is_(None))
    return connection.execute(active.values(revoked_at=func.now())).rowcount == 1


def lock_template(connection: Connection, *, tenant: str, name: str) -> int:
    """Nobody else publishes this template until the transaction ends; the highest version that has a row."""
    connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"template/{tenant}/{name}", 0))))
    mine = (templates.c.tenant == tenant, templates.c.name == name)
    return connection.execute(select(func.max(templates.c.version)).where(*mine)).scalar_one() or 0


def add_template(connection: Connection, version: TemplateVersion) -> None:
    """The row of a version; its record is on the log already."""
    connection.execute(
        insert(templates)
        .values(
            tenant=version.tenant,
            name=version.name,
            version=version.version,
            subject=version.subject,
            html=version.html,
            text=version.text,
            required=list(version.required),
            content_hash=version.content_hash,
            variables_schema=version.variables_schema,
        )
        .on_conflict_do_nothing()
    )


class TemplateRows:
    """The rows of templates; one at a time publishes a template."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def publish(
        self, tenant: str, name: str, publish: Callable[[int], Awaitable[TemplateVersion]]
    ) -> TemplateVersion:
        """Hold others off, call `publish` with the highest number that has a row, add the row of what it wrote."""
        loop = asyncio.get_running_loop()

        async def call(number: int) -> TemplateVersion:
            return await publish(number)

        def work(connection: Connection) -> TemplateVersion:
            number = lock_template(connection, tenant=tenant, name=name)
            version = asyncio.run_coroutine_threadsafe(call(number), loop).result()
            add_template(connection, version)
            return version

        return await self._database.run(work)
