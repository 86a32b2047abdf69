"""The schema `state`: API keys and the rows of published templates."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, or_, select, update
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
    scopes: tuple[str, ...]
    expires_at: datetime | None
    last_used_at: datetime | None


def active_keys(connection: Connection) -> dict[str, StoredKey]:
    """All keys that are not revoked, by prefix."""
    rows = connection.execute(select(api_keys).where(api_keys.c.revoked_at.is_(None)))
    return {
        row.id: StoredKey(
            prefix=row.id,
            tenant=row.tenant,
            secret_hash=row.secret_hash,
            scopes=frozenset(row.scopes),
            expires_at=row.expires_at,
        )
        for row in rows
    }


def put_key(
    connection: Connection,
    *,
    key: str,
    tenant: str,
    name: str,
    scopes: Collection[str] = ("admin",),
    expires_at: datetime | None = None,
) -> None:
    """Store a key (its hash) for a tenant, who is made when new; storing one twice changes nothing."""
    prefix = prefix_of(key)
    if prefix is None:
        raise ValueError("not an API key of ours")
    connection.execute(insert(tenants).values(tenant=tenant).on_conflict_do_nothing())
    row: dict[str, Any] = {"id": prefix, "tenant": tenant, "name": name, "secret_hash": hash_of(key)}
    row |= {"scopes": list(scopes), "expires_at": expires_at}
    connection.execute(insert(api_keys).values(row).on_conflict_do_nothing())


def rotate_key(connection: Connection, *, prefix: str, key: str, overlap: timedelta) -> bool:
    """Store `key` in the place of another, which ends after `overlap`; False when there is none that is valid."""
    still = or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > func.now())
    valid = (api_keys.c.id == prefix, api_keys.c.revoked_at.is_(None), still)
    old = connection.execute(select(api_keys).where(*valid).with_for_update()).one_or_none()
    if old is None:
        return False
    put_key(connection, key=key, tenant=old.tenant, name=old.name, scopes=old.scopes)
    ends = func.least(api_keys.c.expires_at, func.now() + overlap)  # which passes over a null
    connection.execute(update(api_keys).where(api_keys.c.id == prefix).values(expires_at=ends))
    return True


def note_used(connection: Connection, prefixes: Collection[str]) -> None:
    """These keys are in use; written once a minute at most."""
    long_ago = or_(api_keys.c.last_used_at.is_(None), api_keys.c.last_used_at < func.now() - timedelta(minutes=1))
    used = update(api_keys).where(api_keys.c.id.in_(prefixes), long_ago)
    connection.execute(used.values(last_used_at=func.now()))


def list_keys(connection: Connection) -> list[ListedKey]:
    """All keys, the oldest first."""
    rows = connection.execute(select(api_keys).order_by(api_keys.c.created_at, api_keys.c.id))
    return [
        ListedKey(
            row.id,
            row.tenant,
            row.name,
            row.created_at,
            row.revoked_at,
            tuple(row.scopes),
            row.expires_at,
            row.last_used_at,
        )
        for row in rows
    ]


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
