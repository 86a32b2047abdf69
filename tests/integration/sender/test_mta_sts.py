"""MTA-STS policies: found by a real DNS server, fetched from a real HTTPS server, remembered."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.sender.adapters.mta_sts import FETCH_AGAIN, PATH, RENEW, MtaSts, Sts
from tests.fakes.authority import Authority
from tests.fakes.dns_server import SERVFAIL, DnsServer
from tests.fakes.https_server import HttpsServer
from tests.integration.sender.routing import MEMORY, Moved, resolver, sts

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]

DAY = 24 * 3600
POLICY = b"version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 864000\n"
RECORD = '_mta-sts.example.com 60 TXT "v=STSv1; id={};"'
AUTHORITY = Authority()
HOST = "mta-sts.example.com"
NOT_HAD = "sts-policy-fetch-error"
OK = b"HTTP/1.1 200 OK\r\n"


@dataclass
class World:
    """The domain's DNS and web server, and us."""

    dns: DnsServer
    web: HttpsServer
    clock: Moved
    asked: MtaSts

    async def found(self) -> Sts:
        return (await self.asked.of("example.com"))[0]

    def publish(self, name: str) -> None:
        self.dns.records = [f"{HOST} 60 A 127.0.0.1", RECORD.format(name)]

    def pass_time(self, seconds: float) -> None:
        self.clock.now += seconds


@asynccontextmanager
async def world(*, names: tuple[str, ...] = (HOST,), until: int = 90, file: Path = MEMORY) -> AsyncIterator[World]:
    certificate = AUTHORITY.issue(*names, since=-20, until=until).server()
    async with DnsServer() as dns, HttpsServer(certificate) as web:
        clock = Moved()
        asked = sts(resolver(dns, clock=clock), port=web.port, trust=AUTHORITY.trust(), clock=clock, file=file)
        made = World(dns, web, clock, asked)
        made.publish("1")
        web.say(PATH, POLICY)
        yield made


async def test_a_policy_is_fetched_once_and_applies() -> None:
    async with world() as made:
        for _ in range(3):
            found = await made.found()
        assert found.policy is not None and found.policy.hosts == ("mx.example.com",)
        assert [(asked.line, asked.headers["host"]) for asked in made.web.asked] == [(f"GET {PATH} HTTP/1.1", HOST)]


async def test_without_a_record_nothing_is_fetched() -> None:
    async with world() as made:
        made.dns.records = [f"{HOST} 60 A 127.0.0.1"]
        assert await made.found() == Sts()
        assert made.web.asked == []


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", NOT_HAD),
        (b"HTTP/1.1 301 Moved\r\nLocation: https://mta-sts.example.com/p\r\nContent-Length: 0\r\n\r\n", NOT_HAD),
        (OK + b"Content-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(POLICY) + POLICY, NOT_HAD),
        (OK + b"Content-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi", "sts-policy-invalid"),
        (OK + b"Content-Type: text/plain\r\n\r\n" + POLICY + b"x: y\n" * 20_000, NOT_HAD),  # too much of it
        (b"garbage\r\n\r\n", NOT_HAD),
        (b"", NOT_HAD),
    ],
)
async def test_an_answer_that_is_no_policy(answer: bytes, failure: str) -> None:
    async with world() as made:
        made.web.answers[PATH] = answer
        made.web.say("/p", POLICY)
        assert await made.found() == Sts(failure=failure)
        assert len(made.web.asked) == 1  # a redirect is not followed


async def test_a_server_that_says_nothing_costs_a_moment() -> None:
    async with world() as made:
        made.web.answers[PATH] = None
        quick = sts(resolver(made.dns), port=made.web.port, trust=AUTHORITY.trust(), seconds=0.3)
        assert (await quick.of("example.com"))[0] == Sts(failure=NOT_HAD)


@pytest.mark.parametrize(("names", "until"), [(("www.example.com",), 90), ((HOST,), -10)])
async def test_the_web_servers_certificate_must_be_good(names: tuple[str, ...], until: int) -> None:
    async with world(names=names, until=until) as made:
        assert await made.found() == Sts(failure="sts-webpki-invalid")
        assert made.web.asked == []


@pytest.mark.parametrize("address", ["10.0.0.1", "169.254.169.254", "0.0.0.0"])
async def test_it_cannot_send_us_into_our_own_network(address: str) -> None:
    async with world() as made:
        made.dns.records.append(f"{HOST} 60 A {address}")  # beside one that we may connect to
        assert await made.found() == Sts(failure=NOT_HAD)
        assert made.web.asked == []


async def test_after_a_failure_it_is_fetched_again_soon_but_not_at_once() -> None:
    async with world() as made:
        made.dns.records[1] = RECORD.replace(" 60 ", " 3600 ").format("1")
        made.web.answers.clear()
        assert (await made.found()).failure
        made.web.say(PATH, POLICY)
        made.pass_time(FETCH_AGAIN - 1)
        assert (await made.found()).failure
        made.pass_time(1)
        assert (await made.found()).policy


async def test_a_new_id_brings_the_new_policy() -> None:
    async with world() as made:
        await made.found()
        made.web.say(PATH, POLICY.replace(b"enforce", b"none"))
        made.pass_time(61)
        kept = await made.found()
        assert kept.policy and kept.policy.mode == "enforce"  # the id is the same
        made.publish("2")
        made.pass_time(61)
        new = await made.found()
        assert new.policy and new.policy.mode == "none"


async def test_a_policy_holds_as_long_as_it_said_though_nothing_more_can_be_had() -> None:
    async with world() as made:
        await made.found()
        made.web.answers.clear()
        made.dns.broken = {"_mta-sts.example.com": SERVFAIL}
        made.pass_time(5 * DAY)
        assert (await made.found()).policy
        made.dns.broken, made.dns.records = {}, []  # whoever wants to strip it
        made.pass_time(4 * DAY)
        assert (await made.found()).policy
        made.publish("2")  # a new one that cannot be fetched
        made.pass_time(4000)
        assert (await made.found()).policy
        made.pass_time(1 * DAY)
        assert (await made.found()) == Sts(failure=NOT_HAD)


async def test_it_is_renewed_now_and_then_so_that_it_does_not_run_out() -> None:
    async with world() as made:
        for _ in range(12):
            made.pass_time(RENEW)
            assert (await made.found()).policy
        assert len(made.web.asked) == 12


async def test_it_is_known_after_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "sts.sqlite3"
    async with world(file=file) as made:
        await made.found()
    async with world(file=file) as made:
        made.dns.records, made.web.answers = [], {}
        assert (await made.found()).policy


async def test_a_disk_that_fails_stops_nothing(tmp_path: Path) -> None:
    async with world(file=tmp_path / "sts.sqlite3") as made:
        made.asked._policies.close()
        assert (await made.found()).policy
