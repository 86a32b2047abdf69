"""Looking at a batch once, or again and again until all of it is final."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from typing import Final
from uuid import UUID

from msgspec.structs import replace

from services.api.domain.answers import BatchView
from services.api.domain.errors import ApiError
from services.api.domain.rates import Rates, finished
from services.api.handlers.queries import Queries, Seen
from services.api.handlers.waiting import eventually

LOOK: Final = 1.0  # seconds between two looks
HEARTBEAT: Final = 15.0  # seconds without news after which None says that all is well
LONGEST: Final = 900.0  # seconds; a client that wants more asks again
MOST: Final = 200  # clients at once that watch
MOST_OF_TENANT: Final = 20


class Watching:
    """For any number of clients, up to the limits. `now` is a clock that only moves on."""

    def __init__(
        self,
        queries: Queries,
        *,
        look: float = LOOK,
        heartbeat: float = HEARTBEAT,
        longest: float = LONGEST,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queries = queries
        self._look, self._heartbeat, self._longest = look, heartbeat, longest
        self._now = now
        self._rates = Rates()
        self._watched: Counter[str] = Counter()

    async def batch(self, tenant: str, batch_id: UUID, *, wait: float) -> Seen[BatchView | None]:
        """A batch as `Queries.batch` finds it, with its rate."""
        seen = await self._queries.batch(tenant, batch_id, wait=wait)
        if seen.what is None:
            return seen
        return Seen(self._rates.seen(tenant, seen.what, at=self._now()), seen.current)

    async def watch(self, tenant: str, batch_id: UUID, *, wait: float) -> AsyncGenerator[BatchView | None, None]:
        """The batch now, and whenever something has changed, until it is finished; None when nothing has for a while.

        Raises ApiError for a batch that is not there within `wait` seconds, and at once for too many clients or a
        database that is away; one that goes away later is waited for.
        """
        with self._place(tenant):
            view = await eventually(lambda: self._at_once(tenant, batch_id), seconds=wait)
            if view is None:
                raise ApiError("not_found", "there is no such batch")
            yield view
            quiet = self._now()
            end = quiet + self._longest
            while not finished(view) and self._now() < end:
                await asyncio.sleep(self._look)
                after = await self._again(tenant, view)
                if _without_place(after) != _without_place(view):
                    view, quiet = after, self._now()
                    yield view
                elif self._now() - quiet >= self._heartbeat:
                    quiet = self._now()
                    yield None

    async def _at_once(self, tenant: str, batch_id: UUID) -> BatchView | None:
        return (await self.batch(tenant, batch_id, wait=0)).what

    async def _again(self, tenant: str, before: BatchView) -> BatchView:
        try:
            return await self._at_once(tenant, before.batch_id) or before
        except ApiError:
            return before

    @contextmanager
    def _place(self, tenant: str) -> Iterator[None]:
        if self._watched[tenant] >= MOST_OF_TENANT or self._watched.total() >= MOST:
            raise ApiError("too_many_watchers", f"at most {MOST_OF_TENANT} of a tenant, {MOST} in all")
        self._watched[tenant] += 1
        try:
            yield
        finally:
            self._watched[tenant] -= 1


def _without_place(view: BatchView) -> BatchView:
    """All but where in the log it was seen, and the time left, which follows from the rest."""
    return replace(view, position=None, eta_seconds=None)
