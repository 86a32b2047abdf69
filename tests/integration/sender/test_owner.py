"""The owner on real Kafka: intake, timers, commands, marks, outcomes, takeover."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from services.sender.domain.attempt import Ended
from services.sender.handlers.delivery import Job
from shared.commands import CancelEmail, HoldEmail, ReleaseEmail, RescheduleEmail, SmtpResult
from shared.records import FinalEmail, decode_work
from shared.topics import DEAD_LETTERS, EVENTS, PERSONAL, SUPPRESSIONS, WORK, partition_for
from tests.fakes.delivery import FakeDelivery
from tests.integration.sender.stage import OK, Stage, an_email, settings_for

pytestmark = pytest.mark.integration
DELIVERED = ["queued", "sending", "delivered"]


@pytest.fixture
def stage(kafka_url: str, topic_prefix: str, tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(settings_for(kafka_url, topic_prefix), tmp_path)
    yield stage
    stage.stop()
    assert not stage.failures


def test_an_email_is_queued_marked_and_delivered(stage: Stage) -> None:
    stage.start(FakeDelivery(lambda job: OK))
    email = an_email()
    stage.ask(email)
    stage.until(lambda: stage.kinds(email.email_id) == DELIVERED)
    work = [decode_work(m.value()) for m in stage.read(WORK.name) if m.key() == str(email.email_id).encode()]
    assert isinstance(work[-1], FinalEmail) and work[-1].outcome == "delivered"
    assert [m.key().decode() for m in stage.read(PERSONAL.name)] == [str(email.email_id)]


def test_an_urgent_email_is_queued_and_marked_in_one_transaction(stage: Stage) -> None:
    stage.start(FakeDelivery(lambda job: OK))
    email = an_email()
    stage.ask(email)
    stage.until(lambda: stage.kinds(email.email_id) == DELIVERED)
    queued, sending, delivered = (
        m.offset() for m in stage.read(EVENTS.name) if m.key() == str(email.email_id).encode()
    )
    assert sending == queued + 1, "the end of a transaction stands between them"
    assert delivered == sending + 2


def test_a_repeat_is_one_email_and_another_body_is_refused(stage: Stage) -> None:
    stage.start(FakeDelivery(lambda job: OK))
    email = an_email()
    stage.ask(email)
    stage.ask(email)
    stage.until(lambda: "delivered" in stage.kinds(email.email_id))
    stage.ask(email)
    stage.ask(an_email(email_id=email.email_id, subject="Another"))
    stage.until(lambda: "request_refused" in stage.kinds(email.email_id))
    assert stage.kinds(email.email_id) == [*DELIVERED, "request_refused"]


def test_a_record_in_the_wrong_partition_is_forwarded(stage: Stage) -> None:
    stage.start(FakeDelivery(lambda job: OK))
    email = an_email()
    home = partition_for(str(email.email_id).encode(), 3)
    stage.ask(email, partition=(home + 1) % 3)
    stage.until(lambda: stage.kinds(email.email_id) == DELIVERED)
    assert {m.partition() for m in stage.read(WORK.name) if m.key() == str(email.email_id).encode()} == {home}


def test_garbage_goes_to_the_dead_letters_and_the_partition_moves_on(stage: Stage) -> None:
    stage.start(FakeDelivery(lambda job: OK))
    stage.raw(b"\x00garbage", key=b"k", partition=0)
    stage.raw(None, key=b"k", partition=0)
    stage.raw(b'{"type":"SendEmail","subject":"no id"}', key=b"k", partition=0)
    stage.raw(b"x" * 990_000, key=b"k", partition=0)
    emails = [an_email() for _ in range(9)]
    for email in emails:
        stage.ask(email)
    stage.until(lambda: stage.all_tell(emails, DELIVERED))
    letters = [dict(m.headers()) for m in stage.read(DEAD_LETTERS.name)]
    assert sorted(int(letter["source_offset"]) for letter in letters) == [0, 1, 2, 3]
    assert all(letter["reason"] for letter in letters)


def test_a_broken_send_email_is_rejected_with_the_code_and_the_field(stage: Stage) -> None:
    stage.start(FakeDelivery(lambda job: OK))
    first, second = uuid4(), uuid4()
    body = (
        '{"type":"SendEmail","email_id":"%s","from":"billing@acme.test","to":"a@b.example","subject":"s","text":"t"%s}'
    )
    stage.raw((body % (first, ',"nonsense":1')).encode(), key=str(first).encode())
    stage.raw((body % (second, ',"tags":["a\\nb"]')).encode(), key=str(second).encode())
    stage.until(lambda: stage.kinds(first) == stage.kinds(second) == ["rejected"])
    refused = {event.email_id: event for event in stage.events()}
    assert (refused[first].error_code, refused[second].error_code) == ("unknown_field", "invalid_characters")
    assert refused[second].field == "tags[0]"


def test_a_deferred_email_is_tried_again_and_given_up_when_its_attempts_are_over(stage: Stage) -> None:
    no = Ended(kind="deferred", result=SmtpResult(smtp_phase="rcpt_to", smtp_reply_code=451, smtp_reply_text="later"))
    stage.start(FakeDelivery(lambda job: no))
    email = an_email()
    stage.ask(email)
    stage.until(lambda: "failed" in stage.kinds(email.email_id))
    assert stage.kinds(email.email_id) == ["queued", *["sending", "deferred"] * 2, "sending", "failed"]
    failed = stage.events(email.email_id)[-1]
    assert (failed.reason, failed.smtp_reply_code, failed.attempt) == ("attempts", 451, 3)


def test_a_hard_bounce_suppresses_the_next_email_to_the_same_address(stage: Stage) -> None:
    unknown = SmtpResult(
        smtp_phase="rcpt_to", smtp_reply_code=550, enhanced_status_code="5.1.1", smtp_reply_text="5.1.1 unknown"
    )
    stage.start(FakeDelivery(lambda job: Ended(kind="bounced", result=unknown)))
    first = an_email(to="Gone@Example.com")
    stage.ask(first)
    stage.until(lambda: "bounced" in stage.kinds(first.email_id))
    stage.until(lambda: len(stage.read(SUPPRESSIONS.name)) == 1)
    second = an_email(to="gone@example.com")
    stage.ask(second)
    stage.until(lambda: stage.kinds(second.email_id) == ["queued", "suppressed"])
    added = [event for event in stage.events() if type(event).__name__ == "SuppressionAdded"]
    assert [event.reason for event in added] == ["hard_bounce"]


def test_a_scheduled_email_waits_and_can_be_cancelled_in_time(stage: Stage) -> None:
    stage.start(FakeDelivery(lambda job: OK))
    due = datetime.now(UTC) + timedelta(seconds=2)
    kept, dropped = an_email(send_at=due), an_email(send_at=due)
    stage.ask(kept)
    stage.ask(dropped)
    stage.ask(CancelEmail(email_id=dropped.email_id, reason="changed my mind"))
    stage.until(lambda: "delivered" in stage.kinds(kept.email_id))
    stage.ask(CancelEmail(email_id=kept.email_id))
    stage.until(lambda: "cancel_refused" in stage.kinds(kept.email_id))
    assert stage.kinds(kept.email_id) == ["queued", "scheduled", "sending", "delivered", "cancel_refused"]
    assert stage.kinds(dropped.email_id) == ["queued", "scheduled", "cancelled"]
    sending = stage.events(kept.email_id)[2]
    assert due <= sending.occurred_at < due + timedelta(seconds=5)


def test_hold_release_and_reschedule(stage: Stage) -> None:
    stage.start(FakeDelivery(lambda job: OK))
    far = datetime.now(UTC) + timedelta(hours=1)
    email = an_email(send_at=far)
    stage.ask(email)
    stage.ask(HoldEmail(email_id=email.email_id))
    stage.ask(RescheduleEmail(email_id=email.email_id, send_at=datetime.now(UTC)))
    stage.until(lambda: stage.kinds(email.email_id) == ["queued", "scheduled", "held", "rescheduled"])
    stage.ask(ReleaseEmail(email_id=email.email_id))
    stage.until(lambda: stage.kinds(email.email_id)[-3:] == ["released", "sending", "delivered"])


def test_a_command_that_comes_before_its_email_waits_for_it(stage: Stage) -> None:
    stage.start(FakeDelivery(lambda job: OK))
    email = an_email(send_at=datetime.now(UTC) + timedelta(hours=1))
    stage.ask(CancelEmail(email_id=email.email_id))
    stage.until(lambda: len(stage.read(WORK.name)) == 1)
    stage.ask(email)
    stage.until(lambda: stage.kinds(email.email_id) == ["queued", "scheduled", "cancelled"])


def test_a_lost_reply_is_in_doubt_and_then_retried_by_policy(stage: Stage) -> None:
    outcomes = iter([Ended(kind="in_doubt", detail="the connection was lost after the final dot"), OK])
    stage.start(FakeDelivery(lambda job: next(outcomes)))
    email = an_email()
    stage.ask(email)
    stage.until(lambda: "delivered" in stage.kinds(email.email_id))
    assert stage.kinds(email.email_id) == ["queued", "sending", "in_doubt", "resolved", "sending", "delivered"]
    assert stage.events(email.email_id)[4].in_doubt_of == 1


@pytest.mark.parametrize("cache", ["kept", "lost"])
def test_takeover_doubts_what_was_marked_and_goes_on_with_the_rest(
    kafka_url: str, topic_prefix: str, tmp_path: Path, cache: str
) -> None:
    stage = Stage(settings_for(kafka_url, topic_prefix), tmp_path)
    silent = FakeDelivery(None, capacity=2)
    first = stage.start(silent)
    emails = [an_email() for _ in range(6)]
    for email in emails:
        stage.ask(email)
    stage.until(lambda: len(silent.granted) == 2 and len(stage.stories()) == 6)
    stage.kill(first)
    stage.start(FakeDelivery(lambda job: OK), folder="sender-0" if cache == "kept" else "elsewhere")
    stage.until(lambda: sum("delivered" in story for story in stage.stories().values()) == len(emails))
    stage.stop()
    marked = {job.email_id for job in silent.granted}
    for email in emails:
        doubted = ["queued", "sending", "in_doubt", "resolved", "sending", "delivered"]
        assert stage.kinds(email.email_id) == (doubted if email.email_id in marked else DELIVERED)


def test_at_most_one_mark_for_each_job_in_hand(stage: Stage) -> None:
    silent = FakeDelivery(None, capacity=3)
    stage.start(silent)
    for _ in range(10):
        stage.ask(an_email(to=f"{uuid4().hex[:6]}@d{uuid4().hex[:4]}.example"))
    stage.until(lambda: len(silent.granted) == 3)
    events = stage.events()
    assert sum(type(event).__name__ == "EmailSending" for event in events) == 3

    def finish(job: Job) -> None:
        silent.ended.append((job, OK))

    silent.outcome = lambda job: OK
    for job in list(silent.granted):
        finish(job)
    stage.until(lambda: sum(type(event).__name__ == "EmailDelivered" for event in stage.events()) == 10)


def test_a_second_sender_takes_its_share_and_nothing_is_doubted_or_sent_twice(stage: Stage) -> None:
    first, second = FakeDelivery(lambda job: OK), FakeDelivery(lambda job: OK)
    stage.start(first)
    asked = []

    def has_marked(delivery: FakeDelivery, number: int) -> bool:
        """Whether it has, after one more was asked for."""
        asked.append(an_email())
        stage.ask(asked[-1])
        return len(delivery.granted) >= number

    stage.until(lambda: has_marked(first, 20))
    stage.start(second, slot="sender-1")
    stage.until(lambda: has_marked(second, 20))
    stage.until(lambda: stage.all_tell(asked, DELIVERED))
    partitions = [{job.partition for job in delivery.granted[-10:]} for delivery in (first, second)]
    assert partitions[0].isdisjoint(partitions[1])
