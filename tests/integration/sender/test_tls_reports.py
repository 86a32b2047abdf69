"""TLS reports: connections counted as they are made, and reports handed over, to real servers."""

import base64
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.sender.adapters import dane, smtp
from services.sender.adapters.counted import CountedConnector
from services.sender.adapters.https import Https
from services.sender.adapters.tls_counts import TlsCounts
from services.sender.adapters.tls_reports import PATIENCE, SPREAD, TlsReports
from services.sender.domain.route import ConnectFailed, Route, Timeouts
from services.sender.domain.tls import Published
from services.sender.domain.tls_report import Submitter
from shared.acceptance import Refusal, check
from shared.commands import SendEmail, SmtpResult
from tests.fakes.authority import Authority, Issued
from tests.fakes.dns_server import SERVFAIL, DnsServer
from tests.fakes.https_server import HttpsServer
from tests.fakes.scripted_smtp import DEFAULTS, ScriptedSmtp
from tests.integration.sender.routing import LOOPBACK, resolver

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]

MX = "mx.example.com"
AUTHORITY, STRANGER = Authority(), Authority("stranger")
DAY, EVENING = date(2026, 11, 23), datetime(2026, 11, 23, 20, tzinfo=UTC)
OFFERS_TLS = {"EHLO": DEFAULTS["EHLO"].replace("250 SMTPUTF8", "250-SMTPUTF8\r\n250 STARTTLS")}
FACTS = SmtpResult(mx_host=MX, mx_ip="198.51.100.1", source_ip="192.0.2.1")
STS = Published(domain="example.com", kind="sts", strings=("version: STSv1",), hosts=(MX,))


@dataclass
class StoppedClock:
    """The time of day that the test says."""

    at: datetime = EVENING

    def now(self) -> datetime:
        return self.at

    def boottime(self) -> float:
        return self.at.timestamp()

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


async def counted(
    issued: Issued | None, published: Published, tmp_path: Path, **route: Any
) -> tuple[list[tuple[str | None, int]], bool]:
    """What is counted of one connection, and whether there was one."""
    counts = TlsCounts(tmp_path / "counts.sqlite3", clock=StoppedClock())
    tls = issued.server() if issued else None
    async with ScriptedSmtp(OFFERS_TLS if issued else None, tls=tls) as server:
        fixed: dict[str, Any] = {"host": MX, "address": "127.0.0.1", "port": server.port, "published": published}
        connector = smtp.Connector(Timeouts(reply=2, final_dot=2, quit=1), verify_peer=dane.prove)
        asked = Route(**fixed | route)
        try:
            connection = await CountedConnector(connector, counts.add).connect(asked)
        except ConnectFailed:
            made = False
        else:
            made = connection.route == asked
            await connection.close()
    found = [(each.result, each.number) for each in counts.of(DAY, "example.com")]
    counts.close()
    return found, made


@pytest.fixture(autouse=True)
def trust(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Our connections trust `AUTHORITY`."""
    (tmp_path / "ca.pem").write_bytes(AUTHORITY.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    smtp._context.cache_clear()
    yield
    smtp._context.cache_clear()


GOOD, BAD, OLD = AUTHORITY.issue(MX), STRANGER.issue(MX), AUTHORITY.issue(MX, since=-9, until=-8)
OTHER = AUTHORITY.issue("elsewhere.test")
STRICT = {"tls": "required", "verify": True}


@pytest.mark.parametrize(
    ("issued", "route", "result", "made"),
    [
        (GOOD, STRICT, None, True),
        (GOOD, {}, None, True),
        (BAD, STRICT, "certificate-not-trusted", False),
        (OLD, STRICT, "certificate-expired", False),
        (OTHER, STRICT, "certificate-host-mismatch", False),
        (None, STRICT, "starttls-not-supported", False),
        (None, {}, "starttls-not-supported", True),
    ],
)
async def test_what_came_of_tls(
    issued: Issued | None, route: dict[str, Any], result: str | None, made: bool, tmp_path: Path
) -> None:
    assert await counted(issued, STS, tmp_path, **route) == ([(result, 1)], made)


@pytest.mark.parametrize(
    ("issued", "hosts", "result"),
    [
        (GOOD, (MX,), None),
        (GOOD, ("other.example.com",), "validation-failure"),
        (BAD, (MX,), "certificate-not-trusted"),
        (None, (MX,), "starttls-not-supported"),
    ],
)
async def test_a_policy_in_testing_is_tried_counted_and_stops_nothing(
    issued: Issued | None, hosts: tuple[str, ...], result: str | None, tmp_path: Path
) -> None:
    testing = Published(domain="example.com", kind="sts", hosts=hosts, testing=True)
    assert await counted(issued, testing, tmp_path) == ([(result, 1)], True)


async def test_a_policy_that_could_not_be_had_is_counted_with_each_connection(tmp_path: Path) -> None:
    published = Published(domain="example.com", kind="sts", failure="sts-policy-fetch-error")
    assert await counted(GOOD, published, tmp_path) == ([("sts-policy-fetch-error", 1)], True)


async def test_without_tls_by_the_operators_word_nothing_is_counted(tmp_path: Path) -> None:
    assert await counted(GOOD, STS, tmp_path, tls="none") == ([], True)


async def test_a_connection_that_fails_before_tls_is_no_failure_of_it(tmp_path: Path) -> None:
    assert await counted(GOOD, STS, tmp_path, address="127.0.0.9") == ([], False)


async def test_what_cannot_be_counted_stops_nothing(tmp_path: Path) -> None:
    counts = TlsCounts(tmp_path / "counts.sqlite3", clock=StoppedClock())
    counts.close()
    counts.add(STS, None, FACTS)


@dataclass
class Desk:
    """Where reports are made: a day of counts, the domain's DNS and web server, and the mail that was asked for."""

    dns: DnsServer
    web: HttpsServer
    counts: TlsCounts
    clock: StoppedClock
    reports: TlsReports
    asked: list[SendEmail] = field(default_factory=list)

    async def next_day(self) -> None:
        self.clock.at = EVENING.replace(hour=0) + timedelta(days=1, seconds=SPREAD)
        await self.reports.turn()

    def wants(self, rua: str) -> None:
        self.dns.records = [f'_smtp._tls.example.com 60 TXT "v=TLSRPTv1; rua={rua}"', "r.example.com 60 A 127.0.0.1"]


@asynccontextmanager
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    file, clock, asked = tmp_path / "counts.sqlite3", StoppedClock(), list[SendEmail]()
    async with DnsServer() as dns, HttpsServer(AUTHORITY.issue("r.example.com").server()) as web:
        found = resolver(dns, clock=clock.boottime)
        counts = TlsCounts(file, clock=clock)
        reports = TlsReports(
            TlsCounts(file, clock=clock),
            resolver=found,
            https=Https(found, port=web.port, trust=AUTHORITY.trust(), allowed=LOOPBACK, seconds=2),
            submitter=Submitter(domain="acme.test", contact="tlsrpt@acme.test", sender="sender-0-ab"),
            tenant="default",
            send=asked.append,
            clock=clock,
        )
        counts.add(STS, None, FACTS)
        counts.add(STS, None, FACTS)
        counts.add(STS, "certificate-expired", FACTS)
        yield Desk(dns, web, counts, clock, reports, asked)


async def test_a_report_by_mail_is_one_that_our_own_intake_accepts(tmp_path: Path) -> None:
    async with desk(tmp_path) as made:
        made.wants("mailto:reports@example.com")
        await made.next_day()
        (email,) = made.asked
        content = email.attachments[0].content or ""
        report = json.loads(gzip.decompress(base64.b64decode(content)))
        assert report["policies"][0]["summary"]["total-successful-session-count"] == 2
        assert report["policies"][0]["failure-details"][0]["failed-session-count"] == 1
        assert email.headers == {"TLS-Report-Domain": "example.com", "TLS-Report-Submitter": "acme.test"}
        assert email.subject == (
            "Report Domain: example.com Submitter: acme.test Report-ID: <2026-11-23.example.com.sender-0-ab>"
        )
        domains = frozenset({"acme.test"})
        now = made.clock.at
        judged = check(email, sending_domains=domains, template=None, broadcast_ready=False, now=now)
        assert not isinstance(judged, Refusal), judged


async def test_a_report_by_https(tmp_path: Path) -> None:
    async with desk(tmp_path) as made:
        made.web.say("/v1?x=1", b"", status="201 Created")
        made.wants("https://r.example.com/v1?x=1")
        await made.next_day()
        (request,) = made.web.asked
        assert request.line == "POST /v1?x=1 HTTP/1.1"
        assert request.headers["content-type"] == "application/tlsrpt+gzip"
        assert json.loads(gzip.decompress(request.body))["contact-info"] == "tlsrpt@acme.test"


async def test_it_is_sent_once_and_only_when_the_day_is_over(tmp_path: Path) -> None:
    async with desk(tmp_path) as made:
        made.wants("mailto:reports@example.com")
        await made.reports.turn()
        assert made.asked == []
        await made.next_day()
        await made.reports.turn()
        assert len(made.asked) == 1
        assert made.counts.waiting(before=DAY + timedelta(days=9)) == []


async def test_counts_of_before_a_restart_are_in_the_report(tmp_path: Path) -> None:
    async with desk(tmp_path) as made:
        made.counts.close()
    async with desk(tmp_path) as made:
        (good, bad) = sorted(made.counts.of(DAY, "example.com"), key=lambda each: each.result or "")
        assert (good.number, bad.number) == (4, 2)


async def test_who_does_not_want_a_report_gets_none(tmp_path: Path) -> None:
    async with desk(tmp_path) as made:
        await made.next_day()
        assert not made.asked and not made.web.asked
        assert made.counts.waiting(before=DAY + timedelta(days=9)) == []


@pytest.mark.parametrize("trouble", ["DNS", "web"])
async def test_trouble_is_tried_again_for_a_day_and_what_went_well_is_not_repeated(
    trouble: str, tmp_path: Path
) -> None:
    async with desk(tmp_path) as made:
        made.wants("https://r.example.com/v1,mailto:reports@example.com")
        if trouble == "DNS":
            made.dns.broken = {"_smtp._tls.example.com": SERVFAIL}
        await made.next_day()
        assert len(made.asked) == (0 if trouble == "DNS" else 1)
        made.dns.broken = {}
        made.web.say("/v1", b"")
        made.clock.sleep(3600)
        await made.reports.turn()
        assert len(made.asked) == 1
        assert made.counts.waiting(before=DAY + timedelta(days=9)) == []


async def test_after_a_day_it_is_given_up(tmp_path: Path) -> None:
    async with desk(tmp_path) as made:
        made.wants("https://r.example.com/gone")
        await made.next_day()
        assert made.counts.waiting(before=DAY + timedelta(days=9)) == [(DAY, "example.com")]
        made.clock.sleep(PATIENCE.total_seconds())
        await made.reports.turn()
        assert made.counts.waiting(before=DAY + timedelta(days=9)) == []


@pytest.mark.parametrize("uri", ["https://r.example.com:8443/", "https://me@r.example.com/", "https://inside.test/"])
async def test_a_report_goes_nowhere_else(uri: str, tmp_path: Path) -> None:
    async with desk(tmp_path) as made:
        made.wants(uri)
        made.dns.records.append("inside.test 60 A 10.0.0.1")
        await made.next_day()
        assert made.web.asked == []
