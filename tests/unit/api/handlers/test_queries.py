"""Queries that wait: until the sender, then the projector, have passed what the log held when they were asked."""

import asyncio
import time
from typing import Any
from uuid import uuid4

import pytest

from services.api.domain.answers import EmailPage
from services.api.domain.filters import EmailFilter
from services.api.domain.places import passed, places
from services.api.handlers.queries import Queries
from services.api.handlers.waiting import CatchingUp
from shared.topics import EVENTS, REQUESTS, partition_for
from tests.fakes.api import FakeProgress, FakeViews

PARTITIONS = 4
EVERYTHING = EmailFilter(tenant="default", limit=10)
SOON = 0.1  # seconds


class Stage:
    """Queries on fakes."""

    def __init__(self) -> None:
        self.progress, self.views = FakeProgress(), FakeViews()
        catching_up = CatchingUp(self.progress, self.views.projected, partitions=PARTITIONS)
        self.queries = Queries(self.views, catching_up)

    async def after(self, step: Any) -> None:
        """Something that happens in a moment."""
        await asyncio.sleep(SOON)
        step()


def test_places() -> None:
    subject = uuid4()
    home = partition_for(str(subject).encode(), PARTITIONS)
    assert places([REQUESTS, EVENTS], partitions=PARTITIONS, about=subject) == [
        (REQUESTS.name, home),
        (EVENTS.name, home),
    ]
    assert places([EVENTS], partitions=2) == [(EVENTS.name, 0), (EVENTS.name, 1)]


def test_passed() -> None:
    assert passed({}, {("a", 0): 0})
    assert passed({("a", 0): 7, ("b", 0): 0}, {("a", 0): 7})
    assert not passed({("a", 0): 6}, {("a", 0): 7})
    assert not passed({("a", 1): 9}, {("a", 0): 7})


@pytest.mark.asyncio
async def test_without_wait_nobody_is_asked() -> None:
    stage = Stage()
    stage.progress.away = True
    seen = await stage.queries.emails(EVERYTHING, wait=0)
    assert (seen.what, seen.current) == (EmailPage(emails=(), next_cursor=None), False)
    assert stage.progress.asked == 0


@pytest.mark.asyncio
async def test_the_sender_comes_first_then_the_projector() -> None:
    """What the sender makes of a request counts too: the end of the facts is asked for after it has decided."""
    stage = Stage()
    request, fact = (REQUESTS.name, 2), (EVENTS.name, 2)
    stage.progress.end[request] = 5

    def decide() -> None:
        stage.progress.reached[request] = 5
        stage.progress.end[fact] = 9

    def project() -> None:
        stage.views.reached[fact] = 9
        stage.views.page = EmailPage(emails=(), next_cursor="what is asked for")

    async def happen() -> None:
        await stage.after(decide)
        await stage.after(project)

    began = time.monotonic()
    seen, _ = await asyncio.gather(stage.queries.emails(EVERYTHING, wait=20), happen())
    assert (seen.what.next_cursor, seen.current) == ("what is asked for", True)
    assert 2 * SOON <= time.monotonic() - began < 10


@pytest.mark.asyncio
@pytest.mark.parametrize("behind", ["sender", "projector"])
async def test_who_is_behind_for_too_long_is_not_waited_for(behind: str) -> None:
    stage = Stage()
    stage.progress.end[REQUESTS.name if behind == "sender" else EVENTS.name, 0] = 1
    seen = await stage.queries.emails(EVERYTHING, wait=SOON)
    assert not seen.current


@pytest.mark.asyncio
async def test_kafka_away_is_no_reason_not_to_answer() -> None:
    stage = Stage()
    stage.progress.away = True
    seen = await stage.queries.emails(EVERYTHING, wait=20)
    assert (seen.what, seen.current) == (EmailPage(emails=(), next_cursor=None), False)


@pytest.mark.asyncio
async def test_one_email_waits_for_its_own_partition_alone() -> None:
    stage = Stage()
    email_id = uuid4()
    home = partition_for(str(email_id).encode(), PARTITIONS)
    stage.views.email_of = lambda: "the email"
    stage.progress.end[REQUESTS.name, (home + 1) % PARTITIONS] = 99
    assert (await stage.queries.email("default", email_id, wait=20)).current
    stage.progress.end[REQUESTS.name, home] = 99
    assert not (await stage.queries.email("default", email_id, wait=SOON)).current


@pytest.mark.asyncio
async def test_a_batch_is_whole() -> None:
    stage = Stage()
    counted = iter([None, 3, 1, 0])
    stage.views.received_of = lambda: next(counted)
    seen = await stage.queries.batch("default", uuid4(), wait=20)
    assert seen.current and seen.what is not None and seen.what.received == 0


@pytest.mark.asyncio
async def test_a_batch_that_is_not_whole_in_time_is_shown_as_it_is() -> None:
    stage = Stage()
    stage.views.received_of = lambda: 3
    seen = await stage.queries.batch("default", uuid4(), wait=SOON)
    assert not seen.current and seen.what is not None and seen.what.received == 3
