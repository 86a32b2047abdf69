"""A cancelled batch on real Kafka: exact, over a takeover, and for emails that are read after it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from services.sender.domain.attempt import Ended
from services.sender.domain.retry import RetryPolicy
from shared.commands import SendEmail, SmtpResult
from shared.records import Control, control_key, encode
from shared.topics import CONTROLS, REQUESTS_BULK
from tests.fakes.delivery import FakeDelivery
from tests.integration.sender.stage import OK, Stage, an_email, settings_for

pytestmark = pytest.mark.integration
LATER = SmtpResult(smtp_phase="rcpt_to", smtp_reply_code=450, smtp_reply_text="4.2.0 greylisted")
HOUR = RetryPolicy(first_seconds=3600, attempts=3)


@pytest.fixture
def stage(kafka_url: str, topic_prefix: str, tmp_path: Path) -> Iterator[Stage]:
    settings = settings_for(kafka_url, topic_prefix, transactional_retry=HOUR, destination_in_flight=100)
    stage = Stage(settings, tmp_path)
    yield stage
    stage.stop()
    assert not stage.failures


def ask(stage: Stage, batch_id: UUID | None, number: int, **more: object) -> list[SendEmail]:
    emails = [an_email(batch_id=batch_id, **more) for _ in range(number)]
    for email in emails:
        stage.ask(email, topic=REQUESTS_BULK.name)
    return emails


def cancel(stage: Stage, batch_id: UUID) -> None:
    control = Control(tenant="default", kind="cancelled", name=str(batch_id), by="api:abc", at=datetime.now(UTC))
    stage.raw(encode(control), key=control_key(control).encode(), topic=CONTROLS.name)


def test_each_ends_as_cancelled_or_was_sent(stage: Stage) -> None:
    """Of those that are being spoken of half are refused for now: those, and all that wait, are cancelled."""
    batch_id = uuid4()
    delivery = FakeDelivery(capacity=10)
    stage.start(delivery)
    due = ask(stage, batch_id, 30)
    scheduled = ask(stage, batch_id, 5, send_at=datetime.now(UTC) + timedelta(days=2))
    others = ask(stage, None, 3, send_at=datetime.now(UTC) + timedelta(days=2))
    stage.until(lambda: len(delivery.granted) >= 4 and len(stage.stories()) == 38)
    cancel(stage, batch_id)
    stage.until(lambda: all(stage.kinds(email.email_id)[-1] in ("cancelled", "sending") for email in due + scheduled))
    begun = list(delivery.granted)
    assert {job.email_id for job in begun} == {id for id, kinds in stage.stories().items() if kinds[-1] == "sending"}
    for number, job in enumerate(begun):
        delivery.ended.append((job, OK if number % 2 else Ended(kind="deferred", result=LATER)))
    stage.until(lambda: all(stage.kinds(job.email_id)[-1] in ("delivered", "cancelled") for job in begun))
    last = [stage.kinds(email.email_id)[-1] for email in due + scheduled]
    assert (last.count("delivered"), last.count("cancelled")) == (len(begun) // 2, 35 - len(begun) // 2)
    assert delivery.granted == begun, "no attempt began after it"
    assert stage.all_tell(others, ["queued", "scheduled"])


def test_what_comes_later_and_what_the_next_owner_finds(stage: Stage) -> None:
    batch_id = uuid4()
    delivery = FakeDelivery(lambda job: OK)
    first = stage.start(delivery)
    before = ask(stage, batch_id, 6, send_at=datetime.now(UTC) + timedelta(days=2))
    stage.until(lambda: stage.all_tell(before, ["queued", "scheduled"]))
    stage.kill(first)
    cancel(stage, batch_id)
    after = ask(stage, batch_id, 6)
    others = ask(stage, None, 2)
    stage.start(delivery)
    stage.until(lambda: stage.all_tell(before, ["queued", "scheduled", "cancelled"]))
    stage.until(lambda: stage.all_tell(after, ["queued", "cancelled"]))
    stage.until(lambda: all(stage.kinds(email.email_id)[-1] == "delivered" for email in others))
    assert {job.email_id for job in delivery.granted} == {email.email_id for email in others}
