"""Limits of destinations on real Kafka: one's trouble is its own, and what is said of it survives its owner."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.sender.domain.attempt import Ended
from services.sender.domain.limits import Limit
from services.sender.domain.relays import Source
from services.sender.domain.retry import RetryPolicy
from services.sender.domain.warm_up import WarmUp
from services.sender.handlers.delivery import Job
from shared.commands import SendEmail, SmtpResult
from shared.events import DestinationLimited
from shared.records import Control, control_key, decode_control, encode
from shared.topics import CONTROLS
from tests.fakes.delivery import FakeDelivery
from tests.integration.sender.stage import OK, Stage, an_email, settings_for

pytestmark = pytest.mark.integration
HOUR = RetryPolicy(first_seconds=3600, attempts=3)
SLOW = SmtpResult(
    smtp_phase="mail_from",
    smtp_reply_code=421,
    enhanced_status_code="4.7.0",
    smtp_reply_text="4.7.0 [TSS04] Messages temporarily deferred due to unexpected volume or user complaints",
)
LATER = SmtpResult(smtp_phase="rcpt_to", smtp_reply_code=450, smtp_reply_text="4.2.0 greylisted")
NEWS = {"stream": "broadcast", "list": "news"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def stage(kafka_url: str, topic_prefix: str, folder: Path) -> Iterator[Stage]:
    settings = settings_for(
        kafka_url,
        topic_prefix,
        transactional_retry=HOUR,
        destination_in_flight=3,
        destinations={"wide.example": Limit(in_flight=4)},
        smtp_sources=[Source(address="192.0.2.1", helo="mx.acme.test", stream="broadcast")],
        warm_up=[WarmUp(source="192.0.2.1", start=datetime.now(UTC).date(), daily=[5] * 3)],
    )
    stage = Stage(settings, folder)
    yield stage
    stage.stop()
    assert not stage.failures


def ask(stage: Stage, domain: str, number: int = 1, **more: object) -> list[SendEmail]:
    emails = [an_email(to=f"reader{each}@{domain}", **more) for each in range(number)]
    for email in emails:
        stage.ask(email)
    return emails


def delivered(stage: Stage, emails: list[SendEmail]) -> int:
    stories = stage.stories()
    return sum("delivered" in stories.get(email.email_id, []) for email in emails)


def say(stage: Stage, control: Control) -> None:
    stage.raw(encode(control), key=control_key(control).encode(), topic=CONTROLS.name)


def reserved(stage: Stage) -> int:
    """How much of the day the owners have reserved."""
    counts = {record.key(): decode_control(record.value()).count for record in stage.read(CONTROLS.name)}
    return sum(counts.values())


def destinations(jobs: list[Job]) -> list[str]:
    return [job.email.recipient_domain for job in jobs]


def test_a_destination_that_does_not_move_holds_up_nobody_else(stage: Stage) -> None:
    stuck = FakeDelivery(capacity=10)
    owner = stage.start(stuck)
    ask(stage, "slow.example", 20)
    ask(stage, "wide.example", 20)
    stage.until(lambda: len(stuck.granted) == 7)
    stuck.outcome = lambda job: OK
    others = ask(stage, "fast.example", 30)
    stage.until(lambda: delivered(stage, others) == 30)
    held = [name for name in destinations(stuck.granted) if name != "fast.example"]
    assert 0 < abs(owner._limiting.broker_time.ahead) < 5  # heard from the broker, which runs here
    assert sorted(held) == ["slow.example"] * 3 + ["wide.example"] * 4


def test_what_a_reply_imposes_is_a_fact_and_binds_the_next_owner(stage: Stage) -> None:
    delivery = FakeDelivery(lambda job: Ended(kind="deferred", result=SLOW))
    first = stage.start(delivery)
    ask(stage, "yahoo.example", 2)
    stage.until(lambda: any(isinstance(event, DestinationLimited) for event in stage.events()))
    facts = [event for event in stage.events() if isinstance(event, DestinationLimited)]
    assert [(fact.destination, fact.rule, fact.new["pause"]) for fact in facts] == [
        ("yahoo.example", "yahoo-deferred@1", 600.0)
    ]
    assert facts[0].causing_event_id in {event.event_id for event in stage.events()}
    (record,) = stage.read(CONTROLS.name)
    control = decode_control(record.value())
    assert (control.kind, control.name, control.level) == ("imposed", "yahoo.example", 1)
    stage.kill(first)
    second = FakeDelivery(lambda job: OK)
    stage.start(second)
    waiting, others = ask(stage, "yahoo.example", 2), ask(stage, "other.example", 2)
    stage.until(lambda: delivered(stage, others) == 2)
    assert set(destinations(second.handed)) == {"other.example"}
    say(stage, Control(tenant="default", kind="flush", name="yahoo.example", at=datetime.now(UTC)))
    stage.until(lambda: delivered(stage, waiting) == 2)


def test_an_operator_holds_releases_and_flushes(stage: Stage) -> None:
    say(stage, Control(tenant="default", kind="destination", name="held.example", paused=True))
    delivery = FakeDelivery(lambda job: Ended(kind="deferred", result=LATER))
    stage.start(delivery)
    held, others = ask(stage, "held.example", 2), ask(stage, "other.example", 2)
    stage.until(lambda: all(stage.kinds(email.email_id)[-1:] == ["deferred"] for email in others))
    assert set(destinations(delivery.handed)) == {"other.example"}
    delivery.outcome = lambda job: OK
    say(stage, Control(tenant="default", kind="destination", name="held.example"))
    stage.until(lambda: delivered(stage, held) == 2)
    say(stage, Control(tenant="default", kind="flush", name="other.example", at=datetime.now(UTC), deferred=True))
    stage.until(lambda: delivered(stage, others) == 2)


def test_a_new_source_address_sends_no_more_than_its_day_over_a_restart(stage: Stage) -> None:
    delivery = FakeDelivery(lambda job: OK)
    first = stage.start(delivery)
    emails = ask(stage, "news.example", 3, **NEWS)
    stage.until(lambda: delivered(stage, emails) == 3)
    stage.kill(first)
    stage.start(delivery)
    emails += ask(stage, "news.example", 9, **NEWS)
    others = ask(stage, "other.example", 3)
    stage.until(lambda: delivered(stage, others) == 3 and reserved(stage) == 5)
    stage.until(lambda: delivered(stage, emails) >= 4)  # the first owner may have reserved one more than it sent
    assert destinations(delivery.granted).count("news.example") <= 5
