"""SIGTERM: what can be finished is finished; what is cut before the dot goes out, once and at once, from the next."""

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.commands import SendEmail, encode
from shared.events import EmailDeferred
from shared.kafka.producer import Headers
from shared.topics import REQUESTS
from tests.fakes.scripted_smtp import SILENCE, Script, ScriptedSmtp
from tests.integration.sender.process import Process
from tests.integration.sender.stage import Stage, an_email, settings_for
from tests.servers import LoopThread

pytestmark = pytest.mark.integration
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
LONGEST = 15  # seconds that a stop may take: 5 to finish, 5 for replies to final dots, and room


class Slow(ScriptedSmtp):
    """Answers MAIL when it is told to."""

    def __init__(self, script: Script | None = None) -> None:
        super().__init__(script)
        self.go_on = asyncio.Event()

    async def _reply(self, step: str, writer: asyncio.StreamWriter) -> str:
        if step == "MAIL":
            await self.go_on.wait()
        return await super()._reply(step, writer)


@pytest.fixture
def loop() -> Iterator[LoopThread]:
    """Where the servers live."""
    thread = LoopThread()
    yield thread
    thread.stop()


@pytest.fixture
def servers(loop: LoopThread) -> Iterator[dict[str, ScriptedSmtp]]:
    """One that can finish, and two that say nothing more to the first mail: before the dot, and after it."""
    made: dict[str, ScriptedSmtp] = {
        "slow.test": Slow(),
        "silent.test": ScriptedSmtp({"MAIL": [SILENCE, "250 2.1.0 ok"]}),
        "dotted.test": ScriptedSmtp({"dot": [SILENCE, "250 2.0.0 queued as 42"]}),
    }
    for server in made.values():
        loop.run(server.__aenter__())
    yield made
    for server in made.values():
        loop.run(server.__aexit__(None, None, None))


@pytest.fixture
def sender(kafka_url: str, topic_prefix: str, tmp_path: Path, servers: dict[str, ScriptedSmtp]) -> Iterator[Process]:
    """A sender that delivers each domain to its server."""
    relays = [
        {"match": {"domain": domain}, "hosts": [{"host": server.host, "port": server.port, "tls": "none"}]}
        for domain, server in servers.items()
    ]
    process = Process(
        kafka_url, topic_prefix, tmp_path, POSTLOG_SMARTHOSTS=json.dumps(relays), POSTLOG_LEASE_SECONDS="2"
    )
    yield process
    process.stop()


@pytest.fixture
def stage(kafka_url: str, topic_prefix: str, tmp_path: Path) -> Stage:
    """The topics."""
    return Stage(settings_for(kafka_url, topic_prefix), tmp_path)


def test_sigterm_in_the_middle_of_dialogues(
    stage: Stage, sender: Process, servers: dict[str, ScriptedSmtp], loop: LoopThread
) -> None:
    emails = {domain: an_email(to=f"jo@{domain}") for domain in servers}
    sender.start()
    for email in emails.values():
        traced(stage, email)
    for domain in ("slow.test", "silent.test"):
        stage.until(lambda d=domain: any("MAIL" in said for said in commands(servers[d])))  # type: ignore[misc]
    stage.until(lambda: bool(mails(servers["dotted.test"])))

    check_metrics(stage, sender)

    began = time.monotonic()
    sender.ask_to_stop()
    sender.says("sender stops: dialogues under way are finished")
    late = an_email(to="jo@slow.test")
    stage.ask(late)
    loop.run(answer(servers["slow.test"]))
    assert sender.ended(within=LONGEST) == 0, sender.log()
    assert time.monotonic() - began < LONGEST
    check_what_was_left(stage, emails, late)

    sender.start()
    wanted = {email.email_id for email in (*emails.values(), late)}
    stage.until(lambda: wanted == {key for key, kinds in stage.stories().items() if kinds[-1] == "delivered"})
    check_what_came(stage, emails, servers)
    check_lines(sender, emails)


def check_metrics(stage: Stage, sender: Process) -> None:
    """Three emails are being spoken about, and all requests have been read."""
    seen = sender.metrics()
    for name in ("partitions", "emails_in_hand", "dialogues", "connections", 'events_total{type="email.sending"}'):
        assert seen[f"postlog_sender_{name}"] == 3, name
    assert 0 <= seen["postlog_sender_suppressions_age_seconds"] < 10
    stage.until(lambda: waiting(sender) == [0, 0])  # counted now and then
    stage.until(lambda: lags(sender) == [0] * 6)


def waiting(sender: Process) -> list[float]:
    """How many emails of each stream wait to be sent."""
    seen = sender.metrics()
    return [seen[f'postlog_sender_open_emails{{stream="{stream}"}}'] for stream in ("transactional", "broadcast")]


def lags(sender: Process) -> list[float]:
    """How many requests of each partition of both topics have not been read."""
    return [value for name, value in sender.metrics().items() if name.startswith("postlog_sender_lag_records{")]


def check_what_was_left(stage: Stage, emails: dict[str, SendEmail], late: SendEmail) -> None:
    assert stage.kinds(emails["slow.test"].email_id) == ["queued", "sending", "delivered"]
    assert stage.kinds(emails["dotted.test"].email_id) == ["queued", "sending"]
    assert stage.kinds(emails["silent.test"].email_id) == ["queued", "sending", "deferred"]
    cut = stage.events(emails["silent.test"].email_id)[-1]
    assert isinstance(cut, EmailDeferred) and cut.retry_at == cut.occurred_at
    assert stage.kinds(late.email_id) == []


def check_what_came(stage: Stage, emails: dict[str, SendEmail], servers: dict[str, ScriptedSmtp]) -> None:
    assert stage.kinds(emails["silent.test"].email_id)[3:] == ["sending", "delivered"]
    doubted = {email_id for email_id, kinds in stage.stories().items() if "in_doubt" in kinds}
    assert doubted == {emails["dotted.test"].email_id}, "in doubt is only what had its dot"
    assert [len(mails(servers[domain])) for domain in servers] == [2, 1, 2]
    first, second = mails(servers["dotted.test"])
    assert first == second, "a copy that may come twice is the same mail"


def check_lines(sender: Process, emails: dict[str, SendEmail]) -> None:
    """What did not go well has a line with the email and its trace, and none has an address."""
    said = {(line["event"], line["email_id"]) for line in sender.lines() if "email_id" in line}
    assert said >= {
        ("email.deferred", str(emails["silent.test"].email_id)),
        ("email.in_doubt", str(emails["dotted.test"].email_id)),
    }
    assert {line["trace_id"] for line in sender.lines() if "email_id" in line} == {TRACE.split("-")[1]}
    assert "jo@" not in sender.log()


def traced(stage: Stage, email: SendEmail) -> None:
    """Ask for an email as a caller with a trace does."""
    key, topic = str(email.email_id).encode(), stage.settings.topic(REQUESTS.name)
    headers: Headers = [("traceparent", TRACE.encode())]
    stage.producer.send(topic, key=key, value=encode(email), headers=headers).result(20)


def commands(server: ScriptedSmtp) -> list[str]:
    return [said for session in server.sessions for said in session.commands]


def mails(server: ScriptedSmtp) -> list[bytes]:
    return [message for session in server.sessions for message in session.messages]


async def answer(server: ScriptedSmtp) -> None:
    assert isinstance(server, Slow)
    server.go_on.set()
