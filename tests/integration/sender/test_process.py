"""A whole sender as a process that delivers straight to MX hosts, found by a DNS server of the test's."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Message

from shared.commands import SendEmail
from shared.events import EmailDeferred, EmailDelivered, EmailFailed
from shared.topics import CO_PARTITIONED, Topic
from tests.fakes.authority import Authority
from tests.fakes.dns_server import SERVFAIL, DnsServer
from tests.fakes.scripted_smtp import ScriptedSmtp
from tests.integration.sender.process import Process
from tests.integration.sender.stage import Stage, an_email, settings_for
from tests.integration.sender.test_direct import OFFERS_TLS
from tests.logs import read
from tests.servers import LoopThread

pytestmark = pytest.mark.integration

ZONE = """
    example.com     300 MX 10 mx1.example.com.
    example.com     300 MX 20 mx2.example.com.
    mx1.example.com 300 A  127.0.0.9
    mx2.example.com 300 A  127.0.0.1
    strict.test     300 MX 10 mx2.example.com.
    null.test       300 MX 0 .
"""


@pytest.fixture
def loop() -> Iterator[LoopThread]:
    """Where the servers live."""
    thread = LoopThread()
    yield thread
    thread.stop()


@pytest.fixture
def dns(loop: LoopThread) -> Iterator[DnsServer]:
    """The domains' DNS."""
    server = DnsServer(ZONE, broken={"servfail.test": SERVFAIL})
    loop.run(server.__aenter__())
    yield server
    loop.run(server.__aexit__(None, None, None))


@pytest.fixture
def mx2(loop: LoopThread) -> Iterator[ScriptedSmtp]:
    """The one MX host that is up; nobody vouches for its certificate."""
    server = ScriptedSmtp(OFFERS_TLS, tls=Authority().issue("mx2.example.com").server())
    loop.run(server.__aenter__())
    yield server
    loop.run(server.__aexit__(None, None, None))


@pytest.fixture
def stage(kafka_url: str, topic_prefix: str, tmp_path: Path, dns: DnsServer, mx2: ScriptedSmtp) -> Iterator[Stage]:
    """Topics, and a sender on them."""
    made = Stage(settings_for(kafka_url, topic_prefix), tmp_path)
    sender = Process(
        kafka_url,
        topic_prefix,
        tmp_path,
        POSTLOG_SMTP_PORT=str(mx2.port),
        POSTLOG_SMTP_ALLOWED_NETWORKS="127.0.0.0/8",
        POSTLOG_DNS_SERVERS=f"127.0.0.1:{dns.port}",
        POSTLOG_TLS_DOMAINS='[{"domain": "strict.test", "tls": "required"}]',
        POSTLOG_TLS_REPORT_FROM="tlsrpt@acme.test",
    )
    sender.start()
    yield made
    sender.stop()


def test_each_domain_is_treated_as_its_dns_says(stage: Stage, mx2: ScriptedSmtp) -> None:
    emails: dict[str, SendEmail] = {
        domain: an_email(to=f"jo@{domain}")
        for domain in ("example.com", "strict.test", "null.test", "nothing.test", "servfail.test")
    }
    for email in emails.values():
        stage.ask(email)
    wanted = {"example.com": "delivered", "null.test": "failed", "nothing.test": "failed"}
    for domain in emails:
        stage.until(lambda d=domain: wanted.get(d, "deferred") in stage.kinds(emails[d].email_id))  # type: ignore[misc]
    last = {domain: stage.events(email.email_id)[-1] for domain, email in emails.items()}

    delivered, strict, failing = last["example.com"], last["strict.test"], last["servfail.test"]
    assert isinstance(delivered, EmailDelivered)
    assert (delivered.mx_host, delivered.mx_ip, delivered.tls_verified) == ("mx2.example.com", "127.0.0.1", False)
    assert isinstance(strict, EmailDeferred) and strict.smtp_phase == "starttls"
    assert isinstance(failing, EmailDeferred) and failing.enhanced_status_code == "4.4.3"
    assert (failing.smtp_reply_code, failing.smtp_reply_text) == (None, None)
    for domain, status in (("null.test", "5.1.10"), ("nothing.test", "5.1.2")):
        failed = last[domain]
        assert isinstance(failed, EmailFailed)
        assert (failed.reason, failed.enhanced_status_code, failed.smtp_reply_text) == ("unroutable", status, None)
    assert sum(len(session.messages) for session in mx2.sessions) == 1


def test_it_begins_by_settling_what_a_lost_transaction_may_have_left_open(stage: Stage) -> None:
    """In every partition that its transactions may touch: nothing of it is to be seen but by those who read it all."""
    places = {(topic.name, number) for topic in CO_PARTITIONED for number in range(stage.settings.partitions)}

    def settled(*, committed: bool) -> set[tuple[str, int | None]]:
        records = [(topic.name, record) for topic in CO_PARTITIONED for record in read_all(topic, committed=committed)]
        return {(name, record.partition()) for name, record in records if not record.key()}

    def read_all(topic: Topic, *, committed: bool) -> list[Message]:
        return read(stage.settings, topic.name, committed=committed)

    stage.until(lambda: settled(committed=False) == places)
    assert settled(committed=True) == set()
