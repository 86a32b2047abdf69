"""The resolver against a real DNS server on loopback."""

import asyncio

import pytest
import uvloop

from services.sender.adapters.resolver import FAILURE_TTL, Resolver
from services.sender.domain.dns import Dns
from services.sender.domain.mx import Exchange
from tests.fakes.dns_server import SERVFAIL, SILENCE, DnsServer

pytestmark = pytest.mark.integration

ZONE = """
    example.com       300 MX    20 MX2.example.com.
    example.com       300 MX    10 mx1.example.com.
    example.com       300 TXT   "v=1; " "id=2"
    mx1.example.com    60 A     192.0.2.1
    mx1.example.com    60 A     192.0.2.2
    null.test         300 MX    0 .
    alias.test         30 CNAME other.alias.test.
    other.alias.test  300 CNAME example.com.
    round.test        300 CNAME trip.test.
    trip.test         300 CNAME round.test.
    brief.test          0 A     192.0.2.3
"""


class Clock:
    """Monotonic seconds that the test moves."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def resolver(*servers: DnsServer, clock: Clock | None = None, timeout: float = 1, trust_ad: bool = False) -> Resolver:
    settings = Dns(servers=tuple(server.address for server in servers), timeout=timeout, trust_ad=trust_ad)
    return Resolver(settings, clock=clock or Clock())


@pytest.mark.asyncio
async def test_records_and_how_long_they_hold() -> None:
    async with DnsServer(ZONE) as server:
        asked = resolver(server)
        mx = await asked.exchanges("example.com")
        assert sorted(mx.records) == [Exchange(10, "mx1.example.com"), Exchange(20, "mx2.example.com")]
        assert (mx.status, mx.name, mx.expires, mx.secure) == ("ok", "example.com", 1300, False)
        assert sorted((await asked.ipv4("mx1.example.com")).records) == ["192.0.2.1", "192.0.2.2"]
        assert (await asked.texts("example.com")).records == ("v=1; id=2",)
        assert (await asked.exchanges("null.test")).records == (Exchange(0, ""),)


@pytest.mark.asyncio
async def test_absence_is_known_apart_from_ignorance() -> None:
    broken = {"servfail.test": SERVFAIL, "silent.test": SILENCE}
    async with DnsServer(ZONE, broken=broken, negative_ttl=40) as server:
        asked = resolver(server, timeout=0.3)
        none, missing, failed, silent = [
            await asked.ipv6(name) for name in ("mx1.example.com", "nothing.test", "servfail.test", "silent.test")
        ]
        assert (none.status, none.records, none.expires) == ("ok", (), 1040)
        assert (missing.status, missing.expires) == ("no_name", 1040)
        assert (failed.status, failed.expires, failed.detail) == (
            "failed",
            1000 + FAILURE_TTL,
            "no usable answer (SERVFAIL)",
        )
        assert (silent.status, silent.detail) == ("failed", "no answer in time")


@pytest.mark.parametrize("name", ["a..b", f"{'x' * 64}.test", ".".join(["x" * 60] * 5)])
@pytest.mark.asyncio
async def test_a_name_that_cannot_be(name: str) -> None:
    async with DnsServer() as server:
        assert (await resolver(server).exchanges(name)).status == "no_name"
        assert not server.asked


@pytest.mark.asyncio
async def test_aliases_are_followed_and_a_circle_is_no_answer() -> None:
    async with DnsServer(ZONE) as server:
        asked = resolver(server, timeout=0.3)
        alias = await asked.exchanges("alias.test")
        assert (alias.name, len(alias.records), alias.expires) == ("example.com", 2, 1030)
        assert (await asked.exchanges("round.test")).status == "failed"


@pytest.mark.asyncio
async def test_a_truncated_answer_is_asked_for_again_by_tcp() -> None:
    async with DnsServer(ZONE) as server:
        server.truncated = {"example.com"}
        assert len((await resolver(server).exchanges("example.com")).records) == 2
        assert (server.asked["example.com MX"], server.over_tcp["example.com MX"]) == (1, 1)


@pytest.mark.asyncio
async def test_a_second_server_answers_for_a_dead_one() -> None:
    async with DnsServer(broken={"example.com": SERVFAIL}) as dead, DnsServer(ZONE) as alive:
        assert len((await resolver(dead, alive).exchanges("example.com")).records) == 2
        assert dead.asked["example.com MX"] == alive.asked["example.com MX"] == 1


@pytest.mark.asyncio
async def test_a_thousand_at_once_ask_one_question_and_later_ones_none_until_the_time_is_over() -> None:
    async with DnsServer(ZONE) as server:
        clock = Clock()
        asked = resolver(server, clock=clock)
        await asyncio.gather(*(asked.exchanges("example.com") for _ in range(1000)))
        clock.now += 299
        await asked.exchanges("example.com")
        assert server.asked["example.com MX"] == 1
        clock.now += 1
        await asked.exchanges("example.com")
        assert server.asked["example.com MX"] == 2


@pytest.mark.asyncio
async def test_absence_and_failure_are_remembered_too_and_a_ttl_of_nothing_for_a_moment() -> None:
    async with DnsServer(ZONE, broken={"servfail.test": SERVFAIL}) as server:
        asked = resolver(server)
        for name in ("nothing.test", "servfail.test", "brief.test"):
            for _ in range(3):
                await asked.ipv4(name)
            assert server.asked[f"{name} A"] == 1


@pytest.mark.asyncio
async def test_who_is_cancelled_does_not_spoil_it_for_the_others() -> None:
    async with DnsServer(ZONE) as server:
        asked = resolver(server)
        one, other = [asyncio.create_task(asked.exchanges("example.com")) for _ in range(2)]
        await asyncio.sleep(0)
        one.cancel()
        assert len((await other).records) == 2
        assert server.asked["example.com MX"] == 1


@pytest.mark.asyncio
async def test_only_the_word_of_a_trusted_resolver_is_proof() -> None:
    async with DnsServer(ZONE) as server:
        server.secure = {"example.com", "nothing.test"}
        trusted, other = resolver(server, trust_ad=True), resolver(server)
        assert (await trusted.exchanges("example.com")).secure
        assert (await trusted.exchanges("nothing.test")).secure
        assert not (await trusted.ipv4("mx1.example.com")).secure
        assert not (await other.exchanges("example.com")).secure


def test_on_uvloop() -> None:
    async def ask() -> None:
        async with DnsServer(ZONE) as server:
            server.truncated = {"example.com"}
            assert len((await resolver(server).exchanges("example.com")).records) == 2

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(ask())
