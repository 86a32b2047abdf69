"""Where mail goes, as a real DNS server has it."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from services.sender.adapters.mx import Smarthosts
from services.sender.domain.relays import Match, Relay, Smarthost, Source
from services.sender.domain.route import Route, Site, Unroutable
from shared.public_addresses import networks
from tests.fakes.dns_server import SERVFAIL, SILENCE, DnsServer
from tests.integration.sender.routing import PLAIN, direct

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]

ZONE = """
    example.com     300 MX    20 mx2.example.com.
    example.com     300 MX    10 mx1.example.com.
    mx1.example.com 300 A     1.0.0.1
    mx1.example.com 300 AAAA  2606:4700::1
    mx2.example.com 300 A     1.0.0.2
    twin.test       300 MX    10 mx1.example.com.
    twin.test       300 MX    10 mx2.example.com.
    alias.test      300 CNAME example.com.
    bare.test       300 A     1.0.0.3
    null.test       300 MX    0 .
    text.test       300 TXT   "no mail here"
    lost.test       300 MX    10 gone.example.com.
    inside.test     300 MX    10 inside.example.com.
    inside.example.com 300 A  10.0.0.1
    inside.example.com 300 AAAA ::ffff:127.0.0.1
    half.test       300 MX    10 deaf.example.com.
    half.test       300 MX    20 mx2.example.com.
    deaf.test       300 MX    10 deaf.example.com.
    deaf.example.com 300 A    1.0.0.9
"""
BROKEN = {"servfail.test": SERVFAIL, "silent.test": SILENCE, "deaf.example.com": SERVFAIL}


async def find(*domains: str, **changes: Any) -> list[Site]:
    async with DnsServer(ZONE, broken=BROKEN) as server:
        routing = direct(server, **changes)
        return [await routing.site(domain, stream="transactional") for domain in domains]


def targets(site: Site) -> list[tuple[str, str | None]]:
    return [(route.host, route.address) for route in site.routes]


async def test_the_servers_by_preference_with_all_their_addresses() -> None:
    (site,) = await find("example.com")
    assert targets(site) == [
        ("mx1.example.com", "1.0.0.1"),
        ("mx1.example.com", "2606:4700::1"),
        ("mx2.example.com", "1.0.0.2"),
    ]
    assert site.routes[0] == replace(PLAIN, host="mx1.example.com", address="1.0.0.1")


async def test_domains_with_the_same_servers_are_one_site() -> None:
    one, alias, twin, bare = await find("example.com", "alias.test", "twin.test", "bare.test")
    assert one.name == alias.name == twin.name == "{mx1,mx2}.example.com"
    assert (bare.name, targets(bare)) == ("bare.test", [("bare.test", "1.0.0.3")])


async def test_servers_of_equal_preference_take_turns() -> None:
    sites = await find(*["twin.test"] * 200)
    first = Counter(site.routes[0].host for site in sites)
    assert set(first) == {"mx1.example.com", "mx2.example.com"}


@pytest.mark.parametrize(
    ("domain", "status", "permanent", "why"),
    [
        ("nothing.test", "5.1.2", True, "does not exist"),
        ("null.test", "5.1.10", True, "null MX"),
        ("text.test", "5.1.2", True, "neither MX records nor an address"),
        ("lost.test", "5.4.4", True, "no address: gone.example.com"),
        ("inside.test", "5.4.4", True, "10.0.0.1 is not public"),
        ("servfail.test", "4.4.3", False, "SERVFAIL"),
        ("silent.test", "4.4.3", False, "no answer in time"),
        ("deaf.test", "4.4.3", False, "deaf.example.com"),
    ],
)
async def test_no_way(domain: str, status: str, permanent: bool, why: str) -> None:
    with pytest.raises(Unroutable, match=why) as no_way:
        await find(domain)
    result = no_way.value.result
    assert (result.enhanced_status_code, no_way.value.permanent) == (status, permanent)
    assert (result.smtp_reply_code, result.smtp_reply_text, result.smtp_phase) == (None, None, None)


async def test_a_server_whose_address_cannot_be_had_leaves_the_others() -> None:
    (site,) = await find("half.test")
    assert targets(site) == [("mx2.example.com", "1.0.0.2")]


async def test_networks_that_are_allowed() -> None:
    (site,) = await find("inside.test", allowed=networks("127.0.0.0/8"))
    assert targets(site) == [("inside.example.com", "::ffff:127.0.0.1")]


async def test_a_thousand_mails_ask_once_and_the_site_is_known_from_then_on() -> None:
    async with DnsServer(ZONE) as server:
        routing = direct(server)
        assert routing.known_site("example.com", stream="broadcast") == "example.com"
        await asyncio.gather(*(routing.site("example.com", stream="broadcast") for _ in range(1000)))
        assert set(server.asked.values()) == {1}
        assert routing.known_site("example.com", stream="broadcast") == "{mx1,mx2}.example.com"


async def test_what_has_no_way_is_not_asked_for_each_mail_either() -> None:
    async with DnsServer(ZONE) as server:
        routing = direct(server)
        for _ in range(3):
            with pytest.raises(Unroutable):
                await routing.site("null.test", stream="broadcast")
        assert server.asked["null.test MX"] == 1
        assert routing.known_site("null.test", stream="broadcast") == "null.test"


def source(address: str, **more: Any) -> Source:
    return Source(address=address, helo=f"{address.replace(':', '-').replace('.', '-')}.acme.test", **more)


def turns(*numbers: float) -> Callable[[], float]:
    drawn = iter(numbers)
    return lambda: next(drawn)


async def test_each_address_is_reached_from_a_source_of_its_family() -> None:
    sources = [source("192.0.2.1"), source("192.0.2.2"), source("2001:db8::1")]
    drawn = turns(*[0.5] * 4, 0.0, 0.9)
    one, other = await find("example.com", "example.com", sources=sources, draw=drawn)

    def used(site: Site) -> list[tuple[str | None, str]]:
        return [(route.source, route.helo) for route in site.routes]

    v6 = ("2001:db8::1", "2001-db8--1.acme.test")
    first, second = ("192.0.2.1", "192-0-2-1.acme.test"), ("192.0.2.2", "192-0-2-2.acme.test")
    assert used(one) == [first, v6, first]
    assert used(other) == [second, v6, second]


async def test_addresses_that_no_source_reaches_are_left_out() -> None:
    (site,) = await find("example.com", sources=[source("2001:db8::1")])
    assert targets(site) == [("mx1.example.com", "2606:4700::1")]
    with pytest.raises(Unroutable, match="POSTLOG_SMTP_SOURCES") as no_way:
        await find("bare.test", sources=[source("2001:db8::1")])
    assert not no_way.value.permanent


def smarthosts(relays: Sequence[Relay], server: DnsServer, **changes: Any) -> Smarthosts:
    return Smarthosts(relays, plain=PLAIN, otherwise=direct(server), **changes)


async def test_smarthosts_in_their_order_and_the_rest_direct() -> None:
    relay = Relay.model_validate(
        {
            "match": {"stream": "broadcast", "domain": "example.com"},
            "hosts": [
                {"host": "relay1.test", "port": 587, "username": "u", "password": "p"},
                {"host": "relay2.test", "port": 465, "tls": "implicit", "verify": False},
            ],
        }
    )
    async with DnsServer(ZONE) as server:
        routing = smarthosts([relay], server)
        site = await routing.site("example.com", stream="broadcast")
        first = Route(host="relay1.test", port=587, tls="required", username="u", password="p", helo="mail.acme.test")
        second = Route(host="relay2.test", port=465, tls="implicit", verify=False, helo="mail.acme.test")
        assert site == Site(name="relay1.test:587", routes=(first, second), relay=True)
        assert routing.known_site("example.com", stream="broadcast") == "example.com"
        assert (await routing.site("bare.test", stream="broadcast")).name == "bare.test"
        await routing.site("example.com", stream="transactional")
        assert routing.known_site("example.com", stream="transactional") == "{mx1,mx2}.example.com"


async def test_smarthosts_are_reached_from_the_sources_of_the_stream() -> None:
    relay = Relay(match=Match(), hosts=(Smarthost(host="relay.test"),))
    sources = [source("192.0.2.1", stream="broadcast"), source("192.0.2.2", stream="broadcast")]
    async with DnsServer() as server:
        routing = smarthosts([relay], server, sources=sources, draw=turns(0.0, 0.9, 0.5))
        found = [await routing.site("a.test", stream="broadcast") for _ in range(2)]
        assert [site.routes[0].source for site in found] == ["192.0.2.1", "192.0.2.2"]
        assert (await routing.site("a.test", stream="transactional")).routes[0].source is None
