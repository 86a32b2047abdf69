"""What was asked for once is remembered for its own time; many who ask at once share one question."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Remembered(Generic[K, V]):
    """At most `most` answers, the least used forgotten first. `ask` gives the answer and until when it holds.

    The clock is monotonic seconds. All but `peek` belong to one event loop.
    """

    def __init__(
        self,
        ask: Callable[[K], Awaitable[tuple[V, float]]],
        *,
        most: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = ask
        self._most = most
        self._clock = clock
        self._known: OrderedDict[K, tuple[V, float]] = OrderedDict()
        self._asked: dict[K, asyncio.Task[V]] = {}

    async def get(self, key: K) -> V:
        """The answer, asked for when none is remembered that still holds."""
        if (known := self._known.get(key)) is not None and known[1] > self._clock():
            self._known.move_to_end(key)
            return known[0]
        if key not in self._asked:
            self._asked[key] = asyncio.create_task(self._learn(key))
        return await asyncio.shield(self._asked[key])  # whoever is cancelled, the others still want to know

    def peek(self, key: K) -> V | None:
        """The last answer, even when its time is over; may be called from any thread."""
        known = self._known.get(key)
        return known[0] if known else None

    async def _learn(self, key: K) -> V:
        try:
            self._known[key] = await self._ask(key)
            self._known.move_to_end(key)
            while len(self._known) > self._most:
                self._known.popitem(last=False)
            return self._known[key][0]
        finally:
            del self._asked[key]
