"""Whether the API can take commands; what else is wrong is said beside it."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from services.api.adapters.database import Database
from services.api.adapters.keys import ApiKeys
from services.api.adapters.templates import TemplateCopy
from services.api.domain.errors import ApiError
from services.api.handlers.ports import Checked
from shared.db import migrate

_FRESH: Final = 2.0  # seconds that an answer about Kafka is given again


class AskEverybody:
    """`kafka` says what is wrong with the topics, a sentence each."""

    def __init__(
        self, *, kafka: Callable[[], list[str]], database: Database, keys: ApiKeys, templates: TemplateCopy
    ) -> None:
        self._kafka = kafka
        self._database = database
        self._keys = keys
        self._templates = templates
        self._known: list[str] = []
        self._asked_at = float("-inf")
        self._asking = asyncio.Lock()

    async def check(self) -> Checked:
        """Ask everybody."""
        needed = {
            "kafka": "; ".join(await self._topics()) or None,
            "api_keys": None if self._keys.loaded() else "the API keys have not been read yet",
            "templates": None if self._templates.loaded() else "the templates have not been read yet",
        }
        found = needed | {"database": await self._migrations()}
        ready = all(value is None for value in needed.values())
        return Checked(ready, {name: value or "ok" for name, value in found.items()})

    async def _topics(self) -> list[str]:
        async with self._asking:
            if time.monotonic() - self._asked_at > _FRESH:
                self._known = await asyncio.to_thread(self._kafka)
                self._asked_at = time.monotonic()
        return self._known

    async def _migrations(self) -> str | None:
        try:
            return await self._database.run(migrate.check)
        except ApiError as error:
            return error.detail
