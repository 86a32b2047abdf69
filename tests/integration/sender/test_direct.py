"""From a domain to an SMTP server that has its mail: DNS, policies, connections and dialogue, all real."""

import hashlib
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from services.sender.adapters import dane, smtp
from services.sender.adapters.mta_sts import PATH
from services.sender.domain.mail import Composed, Outcome
from services.sender.domain.route import ConnectFailed, Timeouts
from services.sender.domain.tls import TlsRule
from services.sender.handlers.pools import Pools
from tests.fakes.authority import Authority, Issued
from tests.fakes.dns_server import SERVFAIL, DnsServer
from tests.fakes.https_server import HttpsServer
from tests.fakes.scripted_smtp import DEFAULTS, ScriptedSmtp
from tests.integration.sender.routing import LOOPBACK, PLAIN, direct

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]

MX1, MX2 = "mx1.example.com", "mx2.example.com"
ZONE = """
    example.com     300 MX 10 mx1.example.com.
    example.com     300 MX 20 mx2.example.com.
    mx1.example.com 300 A  127.0.0.1
    mx2.example.com 300 A  127.0.0.2
"""
OFFERS_TLS = {"EHLO": DEFAULTS["EHLO"].replace("250 SMTPUTF8", "250-SMTPUTF8\r\n250 STARTTLS")}
AUTHORITY, STRANGER = Authority(), Authority("stranger")
GOOD, BAD = AUTHORITY.issue(MX1), STRANGER.issue(MX1)
MAIL = Composed(
    message=b"From: a@acme.test\r\nSubject: x\r\n\r\nhello\r\n",
    envelope_sender="bounces+abc@acme.test",
    envelope_id="0199-1",
    recipient="jo@example.com",
    from_domain="acme.test",
    date=datetime(2026, 11, 24, tzinfo=UTC),
)


@pytest.fixture(autouse=True)
def trust(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Our connections trust `AUTHORITY`."""
    (tmp_path / "ca.pem").write_bytes(AUTHORITY.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    smtp._context.cache_clear()
    yield
    smtp._context.cache_clear()


@dataclass
class World:
    """A DNS server and, once started, SMTP servers that all listen on one port of different addresses."""

    dns: DnsServer
    stack: AsyncExitStack
    port: int

    async def mx(self, host: str = "127.0.0.1", *, issued: Issued | None = None) -> ScriptedSmtp:
        tls = issued.server() if issued else None
        server = ScriptedSmtp(OFFERS_TLS if issued else None, tls=tls, address=(host, self.port))
        return await self.stack.enter_async_context(server)

    def tlsa(self, issued: Issued, *, usage: int = 3) -> None:
        digest = hashlib.sha256(issued.spki).hexdigest()
        self.dns.records.append(f"_{self.port}._tcp.{MX1} 300 TLSA {usage} 1 1 {digest}")
        self.dns.secure = {"example.com", MX1, f"_{self.port}._tcp.{MX1}"}

    async def sts(self, mode: str, mx: str = MX1) -> dict[str, Any]:
        web = HttpsServer(AUTHORITY.issue("mta-sts.example.com").server())
        await self.stack.enter_async_context(web)
        web.say(PATH, f"version: STSv1\nmode: {mode}\nmx: {mx}\nmax_age: 86400\n".encode())
        self.dns.records += ["mta-sts.example.com 300 A 127.0.0.1", '_mta-sts.example.com 300 TXT "v=STSv1; id=1"']
        return {"https": web.port, "trust": AUTHORITY.trust()}

    async def deliver(self, domain: str = "example.com", **changes: Any) -> Outcome:
        router = direct(self.dns, plain=replace(PLAIN, port=self.port), allowed=LOOPBACK, **changes)
        connector = smtp.Connector(Timeouts(reply=2, final_dot=2, quit=1), verify_peer=dane.prove)
        pools = Pools(connector, most=2, mails_per_connection=10, limit_of=lambda site: 2)
        connection = await pools.acquire(await router.site(domain, stream="transactional"))
        try:
            return await connection.deliver(MAIL, may_finish=lambda: True)
        finally:
            pools.release(connection)
            await pools.close()


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    """Example.com with two MX hosts, none of which is up yet."""
    async with made() as found:
        yield found


@asynccontextmanager
async def made() -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        yield World(await stack.enter_async_context(DnsServer(ZONE)), stack, _free_port())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("0.0.0.0", 0))
        port: int = probe.getsockname()[1]
        return port


def delivered_in_the_clear(*servers: ScriptedSmtp) -> bool:
    return any(session.messages and not session.encrypted for server in servers for session in server.sessions)


async def test_the_best_server_has_the_mail(world: World) -> None:
    first, second = await world.mx(), await world.mx("127.0.0.2")
    outcome = await world.deliver()
    assert (outcome.kind, outcome.result.mx_host, outcome.result.mx_ip) == ("delivered", MX1, "127.0.0.1")
    assert len(first.sessions[0].messages) == 1 and not second.sessions


async def test_the_second_takes_it_when_the_first_is_dead(world: World) -> None:
    await world.mx("127.0.0.2")
    outcome = await world.deliver()
    assert (outcome.kind, outcome.result.mx_host, outcome.result.mx_ip) == ("delivered", MX2, "127.0.0.2")


async def test_the_second_takes_it_when_the_first_turns_us_away(world: World) -> None:
    busy = ScriptedSmtp({"connect": "421 4.3.2 not now"}, address=("127.0.0.1", world.port))
    await world.stack.enter_async_context(busy)
    await world.mx("127.0.0.2")
    assert (await world.deliver()).result.mx_host == MX2
    assert busy.sessions


async def test_another_address_of_the_same_server(world: World) -> None:
    world.dns.records = ["example.com 300 MX 10 mx1.example.com.", f"{MX1} 300 A 127.0.0.1", f"{MX1} 300 A 127.0.0.3"]
    await world.mx("127.0.0.3")
    assert (await world.deliver()).result.mx_ip == "127.0.0.3"


async def test_over_ipv6(world: World) -> None:
    world.dns.records = ["example.com 300 MX 10 mx1.example.com.", f"{MX1} 300 AAAA ::1"]
    try:
        await world.mx("::1")
    except OSError as error:
        pytest.skip(f"no IPv6 on this machine: {error}")
    assert (await world.deliver()).result.mx_ip == "::1"


async def test_tls_when_it_is_offered_whatever_the_certificate(world: World) -> None:
    server = await world.mx(issued=BAD)
    result = (await world.deliver()).result
    assert (result.tls_version, result.tls_verified) == ("TLSv1.3", False)
    assert server.sessions[0].encrypted


@pytest.mark.parametrize(
    "issued",
    [None, BAD, AUTHORITY.issue("elsewhere.test"), AUTHORITY.issue(MX1, since=-9, until=-8)],
    ids=["no TLS", "a stranger's", "another name", "expired"],
)
@pytest.mark.parametrize("how", ["rule", "sts"])
async def test_what_must_be_verified_never_goes_another_way(world: World, issued: Issued | None, how: str) -> None:
    server = await world.mx(issued=issued)
    rules = [TlsRule(domain="example.com", tls="required")]
    changes = {"rules": rules} if how == "rule" else await world.sts("enforce", mx=f"{MX1}\nmx: {MX2}")
    with pytest.raises(ConnectFailed):
        await world.deliver(**changes)
    assert not any(session.messages for session in server.sessions)


@pytest.mark.parametrize("how", ["rule", "sts"])
async def test_what_is_verified_goes(world: World, how: str) -> None:
    await world.mx(issued=GOOD)
    rules = [TlsRule(domain="example.com", tls="required")]
    changes = {"rules": rules} if how == "rule" else await world.sts("enforce")
    assert (await world.deliver(**changes)).result.tls_verified


async def test_enforced_only_servers_that_the_policy_names_have_mail(world: World) -> None:
    good, other = await world.mx(issued=GOOD), await world.mx("127.0.0.2", issued=AUTHORITY.issue(MX2))
    assert (await world.deliver(**await world.sts("enforce", mx=MX2))).result.mx_host == MX2
    assert not good.sessions and other.sessions


async def test_a_rule_without_tls(world: World) -> None:
    server = await world.mx(issued=GOOD)
    await world.deliver(rules=[TlsRule(domain="example.com", tls="none")])
    assert delivered_in_the_clear(server)


@pytest.mark.parametrize("issued", [BAD, None], ids=["a certificate", "no TLS"])
async def test_in_testing_a_policy_stops_nothing(world: World, issued: Issued | None) -> None:
    await world.mx(issued=issued)
    assert (await world.deliver(**await world.sts("testing"))).kind == "delivered"


async def test_dane_proves_a_certificate_that_nobody_else_vouches_for(world: World) -> None:
    await world.mx(issued=BAD)
    world.tlsa(BAD)
    assert (await world.deliver(trust_ad=True)).result.tls_verified


@pytest.mark.parametrize("issued", [GOOD, None], ids=["another certificate", "no TLS"])
async def test_dane_never_goes_another_way(world: World, issued: Issued | None) -> None:
    server = await world.mx(issued=issued)
    world.tlsa(BAD)
    with pytest.raises(ConnectFailed):
        await world.deliver(trust_ad=True)
    assert not any(session.messages for session in server.sessions)


async def test_dane_comes_before_mta_sts(world: World) -> None:
    server = await world.mx(issued=BAD)
    world.tlsa(BAD)
    outcome = await world.deliver(trust_ad=True, **await world.sts("enforce", mx=MX2))
    assert outcome.result.tls_verified and server.sessions[0].encrypted


async def test_records_that_dnssec_does_not_vouch_for_mean_nothing(world: World) -> None:
    await world.mx(issued=GOOD)
    world.tlsa(BAD)
    assert (await world.deliver()).kind == "delivered"  # a resolver that we do not trust
    world.dns.secure.discard("example.com")
    assert (await world.deliver(trust_ad=True)).kind == "delivered"


async def test_a_server_whose_tlsa_records_cannot_be_had_is_not_used(world: World) -> None:
    first, second = await world.mx(issued=GOOD), await world.mx("127.0.0.2")
    world.tlsa(GOOD)
    world.dns.broken = {f"_{world.port}._tcp.{MX1}": SERVFAIL}
    assert (await world.deliver(trust_ad=True)).result.mx_host == MX2
    assert not first.sessions and second.sessions


async def test_unusable_records_still_mean_tls(world: World) -> None:
    server = await world.mx()
    world.tlsa(GOOD, usage=1)
    with pytest.raises(ConnectFailed):
        await world.deliver(trust_ad=True)
    assert server.sessions and not delivered_in_the_clear(server)
