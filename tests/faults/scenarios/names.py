"""Straight to the recipients' MX, by a DNS that fails: silence, SERVFAIL, no such domain, null MX."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tests.fakes.dns_server import SERVFAIL, SILENCE, DnsServer
from tests.faults.registry import scenario
from tests.faults.trial import Trial
from tests.servers import LoopThread

EACH: Final = 10
ZONE: Final = """
    good.test     5 MX 10 mx.good.test.
    silent.test   5 MX 10 mx.good.test.
    servfail.test 5 MX 10 mx.good.test.
    mx.good.test  5 A 127.0.0.1
    nullmx.test   5 MX 0 .
"""


@contextmanager
def straight_to_mx(trial: Trial) -> Iterator[DnsServer]:
    """Inside, the sender asks this server for the way, and no smarthost takes its mail."""
    thread = LoopThread()
    server = DnsServer(ZONE, negative_ttl=1)
    thread.run(server.__aenter__())
    try:
        trial.configure(
            POSTLOG_SMTP_HOST="",
            POSTLOG_SMTP_PORT=str(trial.lab.server.port),
            POSTLOG_SMTP_ALLOWED_NETWORKS="127.0.0.0/8",
            POSTLOG_DNS_SERVERS=f"127.0.0.1:{server.port}",
            POSTLOG_DNS_TIMEOUT_SECONDS="1",
        )
        yield server
    finally:
        thread.run(server.__aexit__(None, None, None))
        thread.stop()


@scenario("DNS silent or SERVFAIL for some domains: their mail waits and arrives; the others' is not held up")
def dns_away(trial: Trial) -> None:
    """Nothing of it is permanent."""
    with straight_to_mx(trial) as dns:
        dns.broken |= {"silent.test": SILENCE, "servfail.test": SERVFAIL}
        trial.batch([*_at(trial, "silent.test"), *_at(trial, "servfail.test"), *_at(trial, "good.test")])
        trial.until(lambda: trial.waiting() == 2 * EACH, "the others' mail")
        waiting, deferred = set(_waiting(trial)), trial.lab.facts
        trial.until(
            lambda: all(deferred.status(email_id) == "deferred" for email_id in waiting), "put off, and said so"
        )
        dns.broken.clear()
        mended = time.monotonic()
        trial.recovers(since=mended, look=lambda: trial.waiting() == 0)


@scenario("no such domain, and a domain that takes no mail: refused at once, never tried again")
def dns_says_no(trial: Trial) -> None:
    """What DNS says for certain is permanent."""
    with straight_to_mx(trial):
        for domain in ("nowhere.test", "nullmx.test"):
            trial.batch(_at(trial, domain), expected="failed")
        trial.batch(_at(trial, "good.test"))
        wanted = trial.ledger.acknowledged
        trial.until(lambda: len(trial.lab.facts.settled(wanted)) == len(wanted), "an end for each")
    for email_id, promised in wanted.items():
        story = trial.lab.facts.stories[email_id]
        assert promised.expected == "delivered" or story.count("email.deferred") == 0, f"{email_id} was tried again"


@scenario("all of DNS away under load, and back: mail waits, nothing fails")
def dns_gone_and_back(trial: Trial) -> None:
    """Longer than any answer is kept."""
    with straight_to_mx(trial) as dns:
        for _ in range(5):
            trial.batch(_at(trial, "good.test"))
        dns.broken |= dict.fromkeys(("good.test", "mx.good.test"), SILENCE)
        asked = dns.asked.total()

        def nobody_answers() -> bool:
            trial.batch(_at(trial, "good.test"))
            return dns.asked.total() > asked + 3

        trial.until(nobody_answers, "questions without an answer")
        assert trial.waiting() > 0, "not in the middle: no email waits for the DNS"
        dns.broken.clear()
        back = time.monotonic()
        trial.recovers(since=back, look=lambda: trial.waiting() == 0)


def _at(trial: Trial, domain: str) -> list[str]:
    return trial.recipients(EACH, domain=domain)


def _waiting(trial: Trial) -> list[str]:
    wire = trial.lab.server.wire
    return [email_id for email_id, one in trial.ledger.acknowledged.items() if not wire.has(one.recipient)]
