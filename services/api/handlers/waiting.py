"""Waiting for the read models to catch up with what was just done (P10)."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

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
