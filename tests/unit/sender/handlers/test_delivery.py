"""Delivery: whatever happens to a job, its owner hears of it once, and only what was marked is spoken."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from msgspec.structs import replace

from services.sender.domain.attempt import Ended
from services.sender.domain.mail import Outcome
from services.sender.domain.route import ConnectFailed, Unroutable
from services.sender.handlers.delivery import Delivery, Job
from services.sender.handlers.pools import Pools
from services.sender.handlers.ports import CannotPrepare, NotYet
from services.sender.lease import Lease
from shared.clock import SystemClock
from shared.commands import SmtpResult
from shared.events.envelope import Stream
from shared.records import OpenEmail
from tests.fakes.connections import FakeConnector, FakePreparer, FakeRouter
from tests.unit.sender.examples import REQUEST, an_open

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
REFUSED = SmtpResult(smtp_phase="connect", smtp_reply_code=421)
STALE = Outcome(kind="deferred", result=SmtpResult(smtp_phase="mail_from"), connection_lost=True)


def a_job(stream: Stream = "transactional") -> Job:
    email_id = uuid4()
    email = an_open(request=replace(REQUEST, email_id=email_id, stream=stream))
    return Job(0, 1, email_id, email, "q", "mx.example.com")


class Stage:
    """A delivery with one connection to nowhere, and a test in the owner's place."""

    def __init__(self) -> None:
        clock = SystemClock()
        self.router, self.preparer, self.connector = FakeRouter(), FakePreparer(), FakeConnector()
        self.lease = Lease(clock, seconds=30)
        self.lease.renew([0], since=clock.boottime())
        pools = Pools(self.connector, most=1, mails_per_connection=10, limit_of=lambda site: 1)
        self.delivery = Delivery(
            connections=1,
            preparer=self.preparer,
            router=self.router,
            pools=pools,
            lease=self.lease,
            clock=clock,
        )
        self.delivery.start()

    def until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < deadline, "the condition did not come true in time"
            time.sleep(0.001)

    def marked(self, job: Job) -> None:
        """Wait until the job asks for its mark, and grant it."""
        self.until(lambda: self.delivery.marks)
        assert self.delivery.marks.popleft() is job
        job.marked = True
        self.delivery.answer([job], granted=True)

    def ended(self) -> tuple[Job, Ended | None]:
        self.until(lambda: self.delivery.ended)
        return self.delivery.ended.popleft()


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    stage.delivery.close()


def delivered(stage: Stage) -> Job:
    job = a_job()
    stage.delivery.hand_over([job])
    stage.marked(job)
    assert stage.ended()[1].kind == "delivered"  # type: ignore[union-attr]
    return job


def test_a_marked_job_is_spoken_and_its_end_has_the_time_of_the_reply(stage: Stage) -> None:
    job, before = a_job(), datetime.now(UTC)
    stage.delivery.hand_over([job])
    stage.marked(job)
    told, ended = stage.ended()
    assert told is job
    assert ended is not None
    assert (ended.kind, ended.marked, ended.result.smtp_reply_code) == ("delivered", True, 250)
    assert ended.at is not None
    assert before <= ended.at <= datetime.now(UTC)
    assert (job.mx_host, job.tls_policy) == ("mx.example.com", "required")


def test_a_job_whose_mark_is_refused_is_not_spoken(stage: Stage) -> None:
    job = a_job()
    stage.delivery.hand_over([job])
    stage.until(lambda: stage.delivery.marks)
    stage.delivery.answer([stage.delivery.marks.popleft()], granted=False)
    assert stage.ended() == (job, None)
    assert stage.connector.made[0].mails == 0


def test_a_second_mark_is_asked_for_only_when_the_connection_is_free(stage: Stage) -> None:
    jobs = [a_job(), a_job()]
    stage.delivery.hand_over(jobs)
    stage.until(lambda: stage.delivery.marks)
    first = stage.delivery.marks[0]
    stage.marked(first)
    assert stage.ended()[0] is first
    stage.until(lambda: stage.delivery.marks)
    assert stage.delivery.marks[0] is next(job for job in jobs if job is not first)
    stage.marked(stage.delivery.marks[0])
    stage.ended()
    assert len(stage.connector.made) == 1


@pytest.mark.parametrize(
    ("failure", "kind", "reason"),
    [
        (CannotPrepare("rendering", "it loops"), "failed", "rendering"),
        (Unroutable(SmtpResult(enhanced_status_code="5.1.10"), "null MX", permanent=True), "failed", "unroutable"),
        (Unroutable(SmtpResult(), "the resolver does not answer", permanent=False), "deferred", None),
        (RuntimeError("a bug that names b@example.com"), "deferred", None),
    ],
)
def test_what_fails_before_the_mark_ends_unmarked(
    stage: Stage, failure: Exception, kind: str, reason: str | None
) -> None:
    if isinstance(failure, Unroutable):
        stage.router.fails = failure
    else:
        stage.preparer.fails = failure
    stage.delivery.hand_over([a_job()])
    ended = stage.ended()[1]
    assert ended is not None
    assert (ended.kind, ended.marked) == (kind, False)
    assert reason is None or ended.reason == reason
    assert "@" not in (ended.detail or "")
    assert not stage.delivery.marks


def test_what_is_missing_yet_counts_as_no_attempt(stage: Stage) -> None:
    stage.preparer.fails = NotYet()
    job = a_job()
    stage.delivery.hand_over([job])
    assert stage.ended() == (job, None)


def test_no_connection_is_a_deferral_in_the_servers_words(stage: Stage) -> None:
    stage.connector.failures.append(ConnectFailed(REFUSED, "refused at connect"))
    stage.delivery.hand_over([a_job()])
    ended = stage.ended()[1]
    assert ended is not None
    assert (ended.kind, ended.marked, ended.result) == ("deferred", False, REFUSED)
    delivered(stage)  # the pool is not stuck


def test_an_unexpected_error_after_the_mark_is_in_doubt(stage: Stage) -> None:
    stage.connector.outcomes.append(RuntimeError("a bug"))
    job = a_job()
    stage.delivery.hand_over([job])
    stage.marked(job)
    ended = stage.ended()[1]
    assert ended is not None
    assert (ended.kind, ended.marked) == ("in_doubt", True)


def test_a_kept_connection_that_was_given_up_is_replaced_within_the_attempt(stage: Stage) -> None:
    delivered(stage)
    stage.connector.outcomes.append(STALE)
    delivered(stage)
    assert [connection.mails for connection in stage.connector.made] == [2, 1]


def test_when_it_cannot_be_replaced_the_marked_attempt_is_a_deferral(stage: Stage) -> None:
    delivered(stage)
    stage.connector.outcomes.append(STALE)
    stage.connector.failures.append(ConnectFailed(REFUSED, "refused at connect"))
    job = a_job()
    stage.delivery.hand_over([job])
    stage.marked(job)
    ended = stage.ended()[1]
    assert ended is not None
    assert (ended.kind, ended.marked, ended.result) == ("deferred", True, REFUSED)


def test_a_new_connection_that_is_lost_at_once_is_a_deferral(stage: Stage) -> None:
    stage.connector.outcomes.append(STALE)
    job = a_job()
    stage.delivery.hand_over([job])
    stage.marked(job)
    assert stage.ended()[1].kind == "deferred"  # type: ignore[union-attr]
    assert len(stage.connector.made) == 1


def test_the_final_dot_is_asked_of_the_lease_of_the_jobs_partition(stage: Stage) -> None:
    delivered(stage)
    stage.lease.end([0])
    job = a_job()
    stage.delivery.hand_over([job])
    stage.marked(job)
    stage.ended()
    assert stage.connector.made[0].finished == [True, False]


def test_urgent_mail_is_made_ready_before_a_broadcast_that_came_first(stage: Stage) -> None:
    order: list[Job] = []

    def slowly(email: OpenEmail) -> None:
        time.sleep(0.002)  # as making a mail does, this holds the loop up
        order.append(next(job for job in (*broadcast, urgent) if job.email is email))

    broadcast, urgent = [a_job("broadcast") for _ in range(50)], a_job()
    stage.preparer.heard = slowly
    stage.delivery.hand_over(broadcast)
    stage.until(lambda: order)
    stage.delivery.hand_over([urgent])
    stage.until(lambda: len(order) == 51)
    assert order.index(urgent) < 25, f"made ready as number {order.index(urgent)}"
