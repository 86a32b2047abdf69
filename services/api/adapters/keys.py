"""API keys in memory: read again every few seconds, kept while Postgres is away."""

import asyncio
import contextlib
import hmac
import time
from typing import Final

import structlog

from services.api.adapters.database import Database
from services.api.adapters.state import active_keys, note_used
from services.api.domain.errors import ApiError
from services.api.domain.keys import StoredKey, hash_of, prefix_of

_LEAST: Final = 0.5  # seconds between two readings, however many unknown keys are tried


class ApiKeys:
    """Says whose a key is."""

    def __init__(self, database: Database, *, seconds: float) -> None:
        self._database = database
        self._seconds = seconds
        self._keys: dict[str, StoredKey] | None = None
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()
        self._used: set[str] = set()

    def loaded(self) -> bool:
        """Whether the keys have been read, once."""
        return self._keys is not None

    async def whose(self, key: str) -> StoredKey:
        """The stored key; raises ApiError `unauthorized`, or `database_unavailable` when nobody can say."""
        prefix, given = prefix_of(key), hash_of(key)
        if prefix is None:
            raise ApiError("unauthorized", "this is not an API key")
        if self._keys is None or prefix not in self._keys:
            await self._read(asked_at=time.monotonic())
        stored = (self._keys or {}).get(prefix)
        if not hmac.compare_digest(stored.secret_hash if stored else bytes(32), given) or stored is None:
            raise ApiError("unauthorized", "this API key is unknown or revoked")
        self._used.add(prefix)
        return stored

    async def follow(self) -> None:
        """Read the keys again and again, and note which are used; ends when cancelled."""
        while True:
            with contextlib.suppress(ApiError):
                await self._read(asked_at=time.monotonic())
                await self._note_used()
            await asyncio.sleep(self._seconds if self.loaded() else _LEAST)

    async def _note_used(self) -> None:
        """Say which keys were used since the last time; a failure leaves it for the next time."""
        if used := frozenset(self._used):
            await self._database.run(note_used, used)
            self._used -= used

    async def _read(self, *, asked_at: float) -> None:
        """One reading serves all who asked before it began; readings keep their distance."""
        async with self._reading:
            if self._read_at < asked_at:
                await asyncio.sleep(max(0.0, self._read_at + _LEAST - time.monotonic()))
                began, first = time.monotonic(), self._keys is None
                self._keys = await self._database.run(active_keys)
                self._read_at = began
                if first:
                    structlog.get_logger().info("API keys read", keys=len(self._keys))
