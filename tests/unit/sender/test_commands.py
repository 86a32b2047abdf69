"""Commands on existing emails: each is answered, exactly."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from msgspec.structs import replace

from services.sender.domain.commands import GRACE, act, wait
from services.sender.domain.decision import Decision
from shared.commands import CancelEmail, EmailCommand, HoldEmail, ReleaseEmail, RescheduleEmail
from shared.events.codec import event_type
from shared.records import FinalEmail, OpenEmail, WaitingCommands
from tests.unit.sender.examples import EMAIL_ID, NOW, an_open

FINAL = FinalEmail(tenant="default", request_hash="h", outcome="delivered", attempt=1, final_at=NOW)
CANCEL = CancelEmail(email_id=EMAIL_ID, reason="mistake")
CAUSE = uuid4()


def acts(command: EmailCommand, known: Any) -> Decision:
    decision = act(command, known, cause=CAUSE, now=NOW)
    assert all(fact.causation_id == CAUSE for fact in decision.facts)
    return decision


def kind(decision: Decision) -> str:
    return event_type(decision.facts[0]).removeprefix("email.")


@pytest.mark.parametrize("status", ["queued", "scheduled", "deferred"])
def test_cancel_before_an_attempt_or_after_a_refused_one(status: Any) -> None:
    decision = acts(CANCEL, an_open(status=status))
    assert kind(decision) == "cancelled"
    assert isinstance(decision.work, FinalEmail) and decision.work.outcome == "cancelled"


@pytest.mark.parametrize(
    "known", [an_open(status="sending"), an_open(status="in_doubt"), an_open(status="deferred", doubts=1)]
)
def test_cancel_is_too_late_when_a_copy_may_be_on_its_way(known: OpenEmail) -> None:
    decision = acts(CANCEL, known)
    assert kind(decision) == "cancel_refused" and decision.work is None


def test_cancel_of_a_final_email_is_refused() -> None:
    assert kind(acts(CANCEL, FINAL)) == "cancel_refused"


@pytest.mark.parametrize("known", [None, an_open(), FINAL])
def test_another_tenants_email_is_unknown(known: Any) -> None:
    decision = acts(CancelEmail(email_id=EMAIL_ID, tenant="other"), known)
    assert kind(decision) == "request_refused"
    assert decision.facts[0].error_code == "unknown_email"  # type: ignore[attr-defined]


def test_reschedule_moves_the_due_time_and_the_end_of_the_span() -> None:
    later = NOW + timedelta(days=3)
    decision = acts(RescheduleEmail(email_id=EMAIL_ID, send_at=later), an_open())
    assert kind(decision) == "rescheduled"
    assert isinstance(decision.work, OpenEmail)
    assert (decision.work.due_at, decision.work.expires_at) == (later, later + timedelta(days=1))
    assert decision.work.status == "scheduled"


@pytest.mark.parametrize("known", [an_open(status="sending", attempt=1), an_open(status="deferred", attempt=1), FINAL])
def test_reschedule_after_an_attempt_is_refused(known: Any) -> None:
    assert kind(acts(RescheduleEmail(email_id=EMAIL_ID, send_at=NOW), known)) == "request_refused"


def test_hold_and_release() -> None:
    held = acts(HoldEmail(email_id=EMAIL_ID), an_open())
    assert kind(held) == "held" and isinstance(held.work, OpenEmail) and held.work.held
    assert kind(acts(HoldEmail(email_id=EMAIL_ID), held.work)) == "request_refused"
    assert kind(acts(ReleaseEmail(email_id=EMAIL_ID), held.work)) == "released"
    assert kind(acts(ReleaseEmail(email_id=EMAIL_ID), an_open())) == "request_refused"
    assert kind(acts(CANCEL, held.work)) == "cancelled"


def test_a_hold_takes_nothing_of_the_retry_span_and_adds_nothing_to_its_own_validity() -> None:
    released = NOW + timedelta(days=10)
    span = an_open(held=True, due_at=NOW, expires_at=NOW + timedelta(days=4))
    after = act(ReleaseEmail(email_id=EMAIL_ID), span, cause=CAUSE, now=released).work
    assert isinstance(after, OpenEmail) and after.expires_at == released + timedelta(days=4)
    valid = replace(span, request=replace(span.request, expires_at=NOW + timedelta(days=4)))
    after = act(ReleaseEmail(email_id=EMAIL_ID), valid, cause=CAUSE, now=released).work
    assert isinstance(after, OpenEmail) and after.expires_at == NOW + timedelta(days=4)
    early = replace(span, due_at=NOW + timedelta(days=30), expires_at=NOW + timedelta(days=34))
    after = act(ReleaseEmail(email_id=EMAIL_ID), early, cause=CAUSE, now=released).work
    assert isinstance(after, OpenEmail) and after.expires_at == NOW + timedelta(days=34)


def test_commands_that_come_first_wait_in_order() -> None:
    first = wait(CANCEL, None, ends={"email.requests": 7}, now=NOW).work
    assert isinstance(first, WaitingCommands)
    second = wait(HoldEmail(email_id=EMAIL_ID), first, ends={"email.requests": 9}, now=NOW).work
    assert isinstance(second, WaitingCommands)
    assert [type(command).__name__ for command in second.commands] == ["CancelEmail", "HoldEmail"]
    assert second.refuse_after == NOW + GRACE and second.requests_end == {"email.requests": 9}
