"""Doubts settled before the policy decides: by proof that is found on the log, by an operator's word."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from services.sender.domain.attempt import Ended
from services.sender.domain.retry import RetryPolicy
from shared.commands import ResolveEmail
from shared.events import EmailBounced, EmailEvent, EmailOpened, EmailResolved, codec
from shared.ids import new_id
from shared.topics import EVENTS
from tests import golden
from tests.fakes.delivery import FakeDelivery
from tests.integration.sender.stage import OK, Stage, an_email, settings_for

pytestmark = pytest.mark.integration
LOST = Ended(kind="in_doubt", detail="the connection was lost after the final dot")
LONG = RetryPolicy(first_seconds=600, jitter=0)
IN_DOUBT = ["queued", "sending", "in_doubt"]


@pytest.fixture
def stage(kafka_url: str, topic_prefix: str, tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(settings_for(kafka_url, topic_prefix, transactional_retry=LONG), tmp_path)
    yield stage
    stage.stop()
    assert not stage.failures


def in_doubt(stage: Stage, *emails: Any) -> None:
    for email in emails:
        stage.ask(email)
    stage.until(lambda: stage.all_tell(emails, IN_DOUBT))


def report(
    stage: Stage, kind: type[EmailEvent], email_id: UUID, name: str = "full", *, tenant: str = "default"
) -> UUID:
    """Somebody else's fact about an email."""
    prototype = golden.event(kind, name)
    fact = replace(prototype, event_id=new_id(), tenant=tenant, email_id=email_id, occurred_at=datetime.now(UTC))
    stage.raw(codec.encode(fact), key=codec.key(fact), topic=EVENTS.name)
    return fact.event_id


def resolution(stage: Stage, email_id: UUID) -> EmailResolved:
    """How the doubt was settled, once it is."""
    stage.until(lambda: "resolved" in stage.kinds(email_id))
    (found,) = [event for event in stage.events(email_id) if isinstance(event, EmailResolved)]
    return found


def test_an_open_and_a_notice_settle_doubts_and_nobody_elses(stage: Stage) -> None:
    delivery = FakeDelivery(lambda job: LOST)
    stage.start(delivery)
    opened, returned, unheard = (an_email() for _ in range(3))
    in_doubt(stage, opened, returned, unheard)
    report(stage, EmailOpened, unheard.email_id, tenant="another")
    cause = report(stage, EmailOpened, opened.email_id)
    report(stage, EmailBounced, returned.email_id, "dsn")
    settled = resolution(stage, opened.email_id)
    assert (settled.decision, settled.by, settled.causation_id) == ("delivered", "proof", cause)
    assert resolution(stage, returned.email_id).decision == "bounced"
    assert stage.kinds(unheard.email_id) == [*IN_DOUBT, "opened"]
    assert len(delivery.granted) == 3, "nothing was tried again"


def test_proof_stops_a_retry_that_is_pending(stage: Stage) -> None:
    outcomes = iter([LOST, Ended(kind="deferred")])
    delivery = FakeDelivery(lambda job: next(outcomes))
    stage.start(delivery)
    email = an_email()
    in_doubt(stage, email)
    stage.ask(ResolveEmail(email_id=email.email_id, outcome="retry", reason="the line was bad"))
    stage.until(lambda: stage.kinds(email.email_id) == [*IN_DOUBT, "resolved", "sending", "deferred"])
    report(stage, EmailOpened, email.email_id)
    stage.until(lambda: stage.kinds(email.email_id)[-2:] == ["opened", "resolved"])
    last = stage.events(email.email_id)[-1]
    assert isinstance(last, EmailResolved) and (last.decision, last.by) == ("delivered", "proof")


@pytest.mark.parametrize("when", ["before the takeover", "after the takeover"])
def test_proof_counts_across_a_takeover(stage: Stage, when: str) -> None:
    """The policy would try again 3 s after the takeover (the lease of these tests)."""
    silent = FakeDelivery(None)
    first = stage.start(silent)
    email = an_email()
    stage.ask(email)
    stage.until(lambda: len(silent.granted) == 1)
    stage.kill(first)
    if when == "before the takeover":
        report(stage, EmailOpened, email.email_id)
    second = FakeDelivery(lambda job: OK)
    stage.start(second)
    if when == "after the takeover":
        stage.until(lambda: "in_doubt" in stage.kinds(email.email_id))
        report(stage, EmailOpened, email.email_id)
    assert resolution(stage, email.email_id).by == "proof"
    assert not second.granted


def test_an_operators_word(stage: Stage) -> None:
    outcomes = iter([LOST, LOST, LOST, OK])
    stage.start(FakeDelivery(lambda job: next(outcomes)))
    arrived, dropped, again = emails = [an_email() for _ in range(3)]
    in_doubt(stage, *emails)
    words: tuple[tuple[Any, Any], ...] = ((arrived, "delivered"), (dropped, "give_up"), (again, "retry"))
    for email, outcome in words:
        command: Any = ResolveEmail(email_id=email.email_id, outcome=outcome, reason="known by telephone", by="api:ops")
        stage.ask(command)
    stage.until(lambda: stage.kinds(again.email_id) == [*IN_DOUBT, "resolved", "sending", "delivered"])
    settled = resolution(stage, arrived.email_id)
    assert (settled.decision, settled.by, settled.reason) == ("delivered", "api:ops", "known by telephone")
    stage.until(lambda: stage.kinds(dropped.email_id) == [*IN_DOUBT, "resolved", "failed"])
    stage.ask(ResolveEmail(email_id=dropped.email_id, outcome="delivered", reason="it was there after all"))
    stage.ask(ResolveEmail(email_id=arrived.email_id, outcome="bounced", reason="too late"))
    stage.until(lambda: stage.kinds(dropped.email_id) == [*IN_DOUBT, "resolved", "failed", "resolved"])
    stage.until(lambda: stage.kinds(arrived.email_id) == [*IN_DOUBT, "resolved", "request_refused"])
