"""Whom a kept connection may serve, and who is served when room comes free."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from services.sender.adapters.smtp import Connector
from services.sender.domain.route import ConnectFailed, Route, Site, Timeouts
from services.sender.handlers.pools import Pools
from tests.fakes.scripted_smtp import ScriptedSmtp

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]

QUICK = Timeouts(reply=2, final_dot=2, quit=1)


@asynccontextmanager
async def pools(*, most: int = 10, limit: int = 10) -> AsyncIterator[tuple[Pools, ScriptedSmtp]]:
    async with ScriptedSmtp() as server:
        made = Pools(Connector(QUICK), most=most, mails_per_connection=100, limit_of=lambda site: limit)
        yield made, server
        await made.close()


def site(server: ScriptedSmtp, name: str = "mx.example.com", **route: Any) -> Site:
    return Site(name=name, routes=(Route(host="127.0.0.1", port=server.port, **route),))


async def test_a_kept_connection_serves_the_next_mail_of_the_same_routes() -> None:
    async with pools() as (made, server):
        for _ in range(3):
            made.release(await made.acquire(site(server)))
        assert len(server.sessions) == 1


@pytest.mark.parametrize("other", [{"tls": "required"}, {"source": "127.0.0.1"}, {"helo": "b.test"}])
async def test_it_does_not_serve_a_domain_on_the_same_servers_with_another_policy(other: dict[str, Any]) -> None:
    async with pools() as (made, server):
        made.release(await made.acquire(site(server)))
        if "tls" in other:
            with pytest.raises(ConnectFailed, match="TLS is required"):
                await made.acquire(site(server, **other))
        else:
            made.release(await made.acquire(site(server, **other)))
        assert len(server.sessions) == 2


async def test_the_order_of_the_routes_makes_no_difference() -> None:
    async with pools() as (made, server):
        one, other = site(server).routes[0], Route(host="localhost", port=server.port)
        made.release(await made.acquire(Site(name="x", routes=(one, other))))
        made.release(await made.acquire(Site(name="x", routes=(other, one))))
        assert len(server.sessions) == 1


async def test_at_the_sites_limit_an_unused_connection_of_another_policy_makes_room() -> None:
    async with pools(limit=1) as (made, server):
        made.release(await made.acquire(site(server)))
        made.release(await asyncio.wait_for(made.acquire(site(server, helo="b.test")), 2))
        assert len(server.sessions) == 2


async def test_at_the_sites_limit_who_waits_with_another_policy_gets_a_connection_of_its_own() -> None:
    async with pools(limit=1) as (made, server):
        held = await made.acquire(site(server))
        waiting = asyncio.create_task(made.acquire(site(server, helo="b.test")))
        await asyncio.sleep(0)
        made.release(held)
        other = await asyncio.wait_for(waiting, 2)
        assert other.route.helo == "b.test"
        made.release(other)


async def test_room_that_comes_free_goes_to_one_who_can_use_it() -> None:
    async with pools(most=2, limit=1) as (made, server):
        full, other = await made.acquire(site(server, "full")), await made.acquire(site(server, "other"))
        stuck = asyncio.create_task(made.acquire(site(server, "full")))
        await asyncio.sleep(0)
        able = asyncio.create_task(made.acquire(site(server, "third")))
        await asyncio.sleep(0)
        made.release(other)
        made.release(await asyncio.wait_for(able, 2))
        made.release(full)
        made.release(await asyncio.wait_for(stuck, 2))


async def test_urgent_mail_has_a_connection_that_other_mail_cannot_take() -> None:
    async with pools(most=10, limit=100) as (made, server):
        bulk = [await made.acquire(site(server)) for _ in range(9)]
        waiting = asyncio.create_task(made.acquire(site(server)))
        urgent = await asyncio.wait_for(made.acquire(site(server), urgent=True), 2)
        assert not waiting.done()
        made.release(bulk.pop())
        made.release(await asyncio.wait_for(waiting, 2))
        made.release(urgent)
        for connection in bulk:
            made.release(connection)


async def test_urgent_mail_is_served_before_what_waits_already() -> None:
    async with pools(limit=1) as (made, server):
        held = await made.acquire(site(server))
        first = asyncio.create_task(made.acquire(site(server)))
        await asyncio.sleep(0)
        second = asyncio.create_task(made.acquire(site(server), urgent=True))
        await asyncio.sleep(0)
        made.release(held)
        made.release(await asyncio.wait_for(second, 2))
        made.release(await asyncio.wait_for(first, 2))


async def test_who_waits_for_room_is_told_when_a_connection_of_another_site_falls_idle() -> None:
    async with pools(most=10, limit=100) as (made, server):
        held = [await made.acquire(site(server, name="a.example")) for _ in range(9)]
        waiting = asyncio.create_task(made.acquire(site(server, name="b.example")))
        await asyncio.sleep(0)
        made.release(held.pop())
        made.release(await asyncio.wait_for(waiting, 2))
        for connection in held:
            made.release(connection)
