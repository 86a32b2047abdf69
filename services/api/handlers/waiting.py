"""Waiting for the read models to catch up with what was done before (P10)."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, TypeVar
from uuid import UUID

from services.api.domain.errors import ApiError
from services.api.domain.places import TOLD, Offsets, Place, passed, places
from services.api.handlers.ports import Progress
from shared.topics import Topic

T = TypeVar("T")
_SHORTEST: Final = 0.02  # seconds between two looks; doubled up to the longest
_LONGEST: Final = 0.25


async def eventually(look: Callable[[], Awaitable[T | None]], *, seconds: float) -> T | None:
    """Look until there is something to see, for at most so many seconds; always once."""
    deadline, pause = time.monotonic() + seconds, _SHORTEST
    while (found := await look()) is None:
        left = deadline - time.monotonic()
        if left <= 0:
            return None
        await asyncio.sleep(min(pause, left))
        pause = min(2 * pause, _LONGEST)
    return found


class CatchingUp:
    """Waits until the read models know all that the log held when it was asked, whoever wrote it.

    So it needs no memory of what a client did, and holds with any number of API processes.
    """

    def __init__(self, progress: Progress, projected: Callable[[], Awaitable[Offsets]], *, partitions: int) -> None:
        self._progress = progress
        self._projected = projected
        self._partitions = partitions

    async def wait(self, requests: Iterable[Topic], *, about: UUID | None = None, seconds: float) -> bool:
        """First the sender has to decide about `requests`, then the projector to know its facts; whether both have.

        `about` an email or batch only its partition counts. While Kafka is away nobody can say: False.
        """
        deadline = time.monotonic() + seconds
        asked = places(requests, partitions=self._partitions, about=about)
        told = places(TOLD, partitions=self._partitions, about=about)
        try:
            if asked and not await self._passed(lambda: self._progress.decided(asked), asked, deadline):
                return False
            return await self._passed(self._projected, told, deadline)
        except ApiError as error:
            if error.code != "kafka_unavailable":
                raise
            return False

    async def _passed(self, reached: Callable[[], Awaitable[Offsets]], where: list[Place], deadline: float) -> bool:
        ends = await self._progress.ends(where)

        async def look() -> bool | None:
            return passed(await reached(), ends) or None

        return await eventually(look, seconds=deadline - time.monotonic()) or False
