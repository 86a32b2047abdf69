"""What an attempt's end makes of an email."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from services.sender.domain.attempt import Ended, begin, end, give_up, suppress
from services.sender.domain.decision import Decision
from services.sender.domain.retry import RetryPolicy
from shared.bounces.builtin import classifier
from shared.commands import SmtpResult
from shared.events.codec import event_type
from shared.lifecycle import EMPTY, apply
from shared.records import FinalEmail, OpenEmail, Suppression
from tests.unit.sender.examples import NOW, an_open

POLICY = RetryPolicy(first_seconds=10, factor=2, jitter=0, attempts=3)
SENDING = an_open(status="sending", attempt=1)
UNKNOWN = SmtpResult(smtp_phase="rcpt_to", smtp_reply_code=550, enhanced_status_code="5.1.1", smtp_reply_text="no")


def kinds(decision: Decision) -> list[str]:
    return [event_type(fact).removeprefix("email.") for fact in decision.facts]


def ended(kind: Any, **changes: Any) -> Ended:
    return Ended(kind=kind, **changes)


def ends(email: OpenEmail, how: Ended, **changes: Any) -> Decision:
    return end(email, how, **{"policy": POLICY, "classifier": classifier(), "now": NOW, "chance": 0.5, **changes})


def test_a_mark_counts_the_attempt_and_says_where_to() -> None:
    decision = begin(an_open(in_doubt_of=None), mx_host="mx.test", tls_policy="required", now=NOW)
    assert kinds(decision) == ["sending"]
    assert isinstance(decision.work, OpenEmail) and (decision.work.status, decision.work.attempt) == ("sending", 1)
    assert decision.facts[0].mx_host == "mx.test"  # type: ignore[attr-defined]


def test_delivered_carries_the_reply_and_both_times() -> None:
    result = SmtpResult(smtp_phase="end_of_data", smtp_reply_code=250, smtp_reply_text="2.0.0 Ok")
    decision = ends(SENDING, ended("delivered", result=result, session_ms=7), now=NOW + timedelta(seconds=2))
    fact: Any = decision.facts[0]
    assert (fact.smtp_reply_code, fact.queue_ms, fact.session_ms) == (250, 2000, 7)
    assert isinstance(decision.work, FinalEmail) and decision.work.outcome == "delivered"


def test_the_queue_time_of_a_scheduled_email_counts_from_its_hour() -> None:
    scheduled = an_open(status="sending", attempt=1, request=an_open().request, queued_at=NOW)
    decision = ends(scheduled, ended("delivered"), now=NOW)
    assert decision.facts[0].queue_ms == 0  # type: ignore[attr-defined]


def test_a_hard_bounce_of_an_unknown_recipient_suppresses() -> None:
    decision = ends(SENDING, ended("bounced", result=UNKNOWN))
    assert kinds(decision) == ["bounced", "suppression.added"]
    assert decision.suppressions[0].causing_event_id == decision.facts[0].event_id
    assert decision.facts[0].bounce_category == "invalid_recipient"  # type: ignore[attr-defined]


def test_a_refusal_for_policy_suppresses_nobody() -> None:
    result = SmtpResult(smtp_phase="end_of_data", smtp_reply_code=554, enhanced_status_code="5.7.1")
    decision = ends(SENDING, ended("bounced", result=result))
    assert kinds(decision) == ["bounced"] and not decision.suppressions


@pytest.mark.parametrize(("attempt", "after"), [(1, 10), (2, 20)])
def test_deferred_waits_longer_each_time(attempt: int, after: int) -> None:
    decision = ends(an_open(status="sending", attempt=attempt), ended("deferred"))
    assert kinds(decision) == ["deferred"]
    assert isinstance(decision.work, OpenEmail) and decision.work.due_at == NOW + timedelta(seconds=after)


def test_the_last_attempt_and_the_end_of_the_span_give_up_with_the_last_reply() -> None:
    result = SmtpResult(smtp_phase="rcpt_to", smtp_reply_code=451)
    last = ends(an_open(status="sending", attempt=3), ended("deferred", result=result))
    late = ends(an_open(status="sending", attempt=1, expires_at=NOW), ended("deferred", result=result))
    assert [kinds(last), kinds(late)] == [["failed"], ["failed"]]
    reasons = [(d.facts[0].reason, d.facts[0].smtp_reply_code) for d in (last, late)]  # type: ignore[attr-defined]
    assert reasons == [("attempts", 451), ("expired", 451)]


def test_no_connection_counts_as_an_attempt_without_a_mark() -> None:
    decision = ends(an_open(), ended("deferred", marked=False, result=SmtpResult(smtp_phase="connect")))
    assert decision.facts[0].attempt == 1  # type: ignore[attr-defined]
    assert isinstance(decision.work, OpenEmail) and decision.work.attempt == 1


def test_a_dialogue_that_we_cut_is_due_again_at_once() -> None:
    decision = ends(SENDING, ended("cut"))
    assert kinds(decision) == ["deferred"]
    assert isinstance(decision.work, OpenEmail) and decision.work.due_at == NOW


def test_what_cannot_be_rendered_fails_with_the_reason() -> None:
    decision = ends(an_open(), ended("failed", marked=False, reason="rendering", detail="no variable 'name'"))
    assert decision.facts[0].reason == "rendering"  # type: ignore[attr-defined]


def test_every_end_folds_to_the_status_of_the_row() -> None:
    state = apply(EMPTY, begin(an_open(), mx_host="mx", tls_policy="none", now=NOW).facts[0])  # type: ignore[arg-type]
    for kind, status in (
        ("delivered", "delivered"),
        ("bounced", "bounced"),
        ("in_doubt", "in_doubt"),
        ("deferred", "deferred"),
    ):
        fact = ends(SENDING, ended(kind)).facts[0]
        assert apply(state, fact).status == status  # type: ignore[arg-type]


def test_suppressed_names_the_cause_and_given_up_has_no_invented_reply() -> None:
    cause = uuid4()
    record = Suppression(
        tenant="default", scope="tenant", recipient_ref="r", reason="complaint", causing_event_id=cause
    )
    assert suppress(an_open(), record, now=NOW).facts[0].causing_event_id == cause  # type: ignore[attr-defined]
    failed: Any = give_up(an_open(), reason="expired", detail=None, now=NOW).facts[0]
    assert failed.smtp_reply_code is None and failed.smtp_reply_text is None
