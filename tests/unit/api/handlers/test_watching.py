"""Watching a batch: an event for each change, a sign of life without one, an end; within limits."""

from collections.abc import AsyncGenerator
from typing import Any
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace

from services.api.domain.answers import BatchView
from services.api.domain.errors import ApiError
from services.api.handlers.queries import Seen
from services.api.handlers.watching import MOST_OF_TENANT, Watching
from tests.unit.api.domain.test_rates import VIEW

pytestmark = pytest.mark.asyncio
BATCH = uuid4()


class Looks:
    """What each look at the batch finds; the last one from then on."""

    def __init__(self, *found: BatchView | ApiError | None) -> None:
        self.found = list(found)
        self.at = 0.0

    async def batch(self, tenant: str, batch_id: UUID, *, wait: float) -> Seen[BatchView | None]:
        self.at += 1.0
        found = self.found.pop(0) if len(self.found) > 1 else self.found[0]
        if isinstance(found, ApiError):
            raise found
        return Seen(found, current=False)


def view(delivered: int, **changes: Any) -> BatchView:
    return replace(VIEW, counts={"delivered": delivered, "queued": 100 - delivered}, **changes)


def watching(looks: Looks, **times: float) -> Watching:
    queries: Any = looks
    return Watching(queries, look=0, now=lambda: looks.at, **times)


async def all_of(views: AsyncGenerator[BatchView | None, None]) -> list[int | None]:
    """How many each event says are delivered."""
    return [None if found is None else found.counts["delivered"] async for found in views]


async def test_every_change_is_told_and_the_end_is_the_last() -> None:
    looks = Looks(view(1, acknowledged=None), view(1, acknowledged=None), view(1), view(50), view(100), view(100))
    assert await all_of(watching(looks).watch("default", BATCH, wait=0)) == [1, 1, 1, 50, 100]


async def test_a_sign_of_life_when_nothing_changes_and_an_end_after_all() -> None:
    told = await all_of(watching(Looks(view(5)), heartbeat=10, longest=36).watch("default", BATCH, wait=0))
    assert told == [5, 5, None, None, None]  # the second: its rate is known to be 0


async def test_a_database_that_goes_away_is_waited_for() -> None:
    away = ApiError("database_unavailable")
    assert await all_of(watching(Looks(view(5), away, None, view(100))).watch("default", BATCH, wait=0)) == [5, 100]
    with pytest.raises(ApiError, match="database_unavailable"):
        await anext(watching(Looks(away)).watch("default", BATCH, wait=0))


async def test_a_batch_that_is_not_there() -> None:
    with pytest.raises(ApiError, match="not_found"):
        await anext(watching(Looks(None)).watch("default", BATCH, wait=0))


async def test_a_batch_opened_a_moment_ago_is_waited_for() -> None:
    assert await all_of(watching(Looks(None, None, view(100))).watch("default", BATCH, wait=5)) == [100]


async def test_not_too_many_watch_at_once_and_who_leaves_makes_room() -> None:
    watched = watching(Looks(view(5)))
    streams = [watched.watch("default", BATCH, wait=0) for _ in range(MOST_OF_TENANT)]
    for each in streams:
        await anext(each)
    with pytest.raises(ApiError, match="too_many_watchers"):
        await anext(watched.watch("default", BATCH, wait=0))
    assert await anext(watched.watch("other", BATCH, wait=0)) is not None
    await streams[0].aclose()
    assert await anext(watched.watch("default", BATCH, wait=0)) is not None
