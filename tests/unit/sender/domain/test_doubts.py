"""How a doubt is settled: by policy, by late replies, by facts of others, by an operator."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from msgspec.structs import replace

from services.sender.domain.attempt import begin, doubt
from services.sender.domain.commands import act
from services.sender.domain.decision import NOTHING, Decision
from services.sender.domain.doubts import decide, prove, settle
from services.sender.domain.retry import RetryPolicy
from shared.commands import ReportOutcome, ResolveEmail, SmtpResult
from shared.events import (
    EmailBounced,
    EmailClicked,
    EmailComplained,
    EmailDelayReported,
    EmailDelivered,
    EmailErased,
    EmailEvent,
    EmailOpened,
    EmailUnsubscribed,
)
from shared.events.codec import event_type
from shared.records import FinalEmail, OpenEmail
from tests import golden
from tests.unit.sender.examples import EMAIL_ID, NOW, an_open

POLICY = RetryPolicy(first_seconds=10, attempts=3)
REFUSED = SmtpResult(smtp_phase="rcpt_to", smtp_reply_code=550, enhanced_status_code="5.1.1", smtp_reply_text="no")
IN_DOUBT = an_open(status="in_doubt", attempt=1, doubts=1, proof_since=NOW)
PENDING = an_open(status="deferred", attempt=1, doubts=1, in_doubt_of=1, proof_since=NOW)
GIVEN_UP = FinalEmail(tenant="default", request_hash="h", outcome="failed", attempt=1, doubts=1, final_at=NOW)


def kinds(decision: Decision) -> list[str]:
    return [event_type(fact).removeprefix("email.") for fact in decision.facts]


def about(kind: type[EmailEvent], name: str = "full", **changes: Any) -> EmailEvent:
    return replace(golden.event(kind, name), **{"tenant": "default", "email_id": EMAIL_ID, **changes})


def resolves(outcome: Any, known: Any, **changes: Any) -> Decision:
    command = ResolveEmail(email_id=EMAIL_ID, outcome=outcome, reason="they told us", by="api:ops", **changes)
    return act(command, known, cause=uuid4(), now=NOW)


# By policy.


def test_a_doubt_is_retried_by_policy_until_there_were_too_many() -> None:
    sending = an_open(status="sending", attempt=1)
    wait = timedelta(seconds=30)
    doubted = doubt(sending, result=SmtpResult(), evidence="lost", now=NOW, wait=wait, since=NOW).work
    assert isinstance(doubted, OpenEmail) and (doubted.status, doubted.doubts) == ("in_doubt", 1)
    again = decide(doubted, policy=POLICY, now=NOW)
    assert kinds(again) == ["resolved"]
    assert isinstance(again.work, OpenEmail) and (again.work.in_doubt_of, again.work.proof_since) == (1, NOW)
    enough = decide(replace(IN_DOUBT, attempt=4, doubts=4), policy=POLICY, now=NOW)
    assert kinds(enough) == ["resolved", "failed"]


def test_the_policy_may_be_to_give_up_at_once() -> None:
    decision = decide(IN_DOUBT, policy=RetryPolicy(in_doubt="give_up"), now=NOW)
    assert kinds(decision) == ["resolved", "failed"]
    assert isinstance(decision.work, FinalEmail) and (decision.work.outcome, decision.work.doubts) == ("failed", 1)


# By a reply learnt late.


@pytest.mark.parametrize("outcome", ["delivered", "bounced", "deferred"])
def test_a_late_reply_settles_a_doubt(outcome: Any) -> None:
    report = ReportOutcome(email_id=EMAIL_ID, attempt=1, outcome=outcome, result=REFUSED)
    decision = settle(IN_DOUBT, report, cause=uuid4(), now=NOW)
    fact: Any = decision.facts[0]
    assert (fact.decision, fact.smtp_reply_code) == ("retry" if outcome == "deferred" else outcome, 550)
    if isinstance(decision.work, OpenEmail):
        assert decision.work.in_doubt_of is None, "that attempt was refused"


def test_a_reply_to_another_attempt_or_about_a_settled_email_changes_nothing() -> None:
    report = ReportOutcome(email_id=EMAIL_ID, attempt=1, outcome="delivered", result=REFUSED)
    for known in (None, replace(IN_DOUBT, attempt=2), an_open(status="deferred", attempt=1)):
        assert settle(known, report, cause=uuid4(), now=NOW) == NOTHING


def test_a_late_reply_of_delivery_outweighs_our_giving_up() -> None:
    proof = ReportOutcome(email_id=EMAIL_ID, attempt=1, outcome="delivered", result=REFUSED)
    decision = settle(GIVEN_UP, proof, cause=uuid4(), now=NOW)
    assert decision.facts[0].decision == "delivered"  # type: ignore[attr-defined]
    assert isinstance(decision.work, FinalEmail) and decision.work.outcome == "delivered"
    for known in (replace(GIVEN_UP, attempt=2), replace(GIVEN_UP, outcome="delivered")):
        assert settle(known, proof, cause=uuid4(), now=NOW) == NOTHING
    assert settle(GIVEN_UP, replace(proof, outcome="bounced"), cause=uuid4(), now=NOW) == NOTHING


# By a fact of somebody else.


@pytest.mark.parametrize("kind", [EmailOpened, EmailClicked, EmailComplained, EmailUnsubscribed, EmailDelayReported])
@pytest.mark.parametrize("email", [IN_DOUBT, PENDING], ids=["in doubt", "retry pending"])
def test_what_only_a_copy_that_arrived_can_cause_settles_a_doubt(kind: type[EmailEvent], email: OpenEmail) -> None:
    fact = about(kind)
    decision = prove(email, fact, now=NOW)
    settled: Any = decision.facts[0]
    assert (settled.decision, settled.by, settled.causation_id) == ("delivered", "proof", fact.event_id)
    assert isinstance(decision.work, FinalEmail) and decision.work.outcome == "delivered"


@pytest.mark.parametrize("name", ["dsn", "provider"])
def test_a_notice_that_it_was_sent_back_is_a_bounce(name: str) -> None:
    decision = prove(IN_DOUBT, about(EmailBounced, name), now=NOW)
    assert isinstance(decision.work, FinalEmail) and decision.work.outcome == "bounced"


@pytest.mark.parametrize("fact", [about(EmailDelivered), about(EmailBounced, "smtp"), about(EmailErased)])
def test_other_facts_prove_nothing(fact: EmailEvent) -> None:
    assert prove(IN_DOUBT, fact, now=NOW) == NOTHING


@pytest.mark.parametrize(
    "email",
    [
        begin(PENDING, mx_host="mx", tls_policy="none", now=NOW).work,
        an_open(status="deferred", attempt=1),
        an_open(),
    ],
    ids=["a retry is under way: its reply tells", "never in doubt", "new"],
)
def test_where_there_is_nothing_to_settle(email: OpenEmail) -> None:
    assert prove(email, about(EmailOpened), now=NOW) == NOTHING


def test_another_tenants_fact_proves_nothing() -> None:
    assert prove(IN_DOUBT, about(EmailOpened, tenant="other"), now=NOW) == NOTHING


# By an operator.


@pytest.mark.parametrize(
    ("outcome", "facts", "ends"),
    [
        ("delivered", ["resolved"], "delivered"),
        ("bounced", ["resolved"], "bounced"),
        ("give_up", ["resolved", "failed"], "failed"),
    ],
)
@pytest.mark.parametrize("email", [IN_DOUBT, PENDING, replace(PENDING, held=True)])
def test_an_operators_word_ends_a_doubt(outcome: str, facts: list[str], ends: str, email: OpenEmail) -> None:
    decision = resolves(outcome, email)
    assert kinds(decision) == facts
    assert (decision.facts[0].by, decision.facts[0].reason) == ("api:ops", "they told us")  # type: ignore[attr-defined]
    assert isinstance(decision.work, FinalEmail) and decision.work.outcome == ends


def test_an_operator_may_have_it_sent_again_at_once() -> None:
    decision = resolves("retry", replace(IN_DOUBT, due_at=NOW + timedelta(minutes=5)))
    assert isinstance(decision.work, OpenEmail)
    assert (decision.work.status, decision.work.due_at, decision.work.in_doubt_of) == ("deferred", NOW, 1)


@pytest.mark.parametrize("outcome", ["delivered", "bounced"])
def test_an_email_given_up_in_doubt_may_turn_out_to_have_arrived(outcome: str) -> None:
    decision = resolves(outcome, GIVEN_UP)
    assert kinds(decision) == ["resolved"]
    assert isinstance(decision.work, FinalEmail) and decision.work.outcome == outcome


@pytest.mark.parametrize(
    ("outcome", "known", "code"),
    [
        ("delivered", an_open(), "not_in_doubt"),
        ("delivered", an_open(status="sending", attempt=1), "not_in_doubt"),
        ("delivered", an_open(status="deferred", attempt=1), "not_in_doubt"),
        ("retry", PENDING, "not_in_doubt"),
        ("retry", GIVEN_UP, "already_final"),
        ("delivered", replace(GIVEN_UP, doubts=0), "already_final"),
        ("delivered", replace(GIVEN_UP, outcome="bounced"), "already_final"),
        ("delivered", None, "unknown_email"),
    ],
)
def test_what_is_not_in_doubt_is_not_resolved(outcome: str, known: Any, code: str) -> None:
    decision = resolves(outcome, known)
    assert kinds(decision) == ["request_refused"] and decision.work is None
    assert decision.facts[0].error_code == code  # type: ignore[attr-defined]


def test_another_tenants_email_is_unknown() -> None:
    assert resolves("delivered", IN_DOUBT, tenant="other").facts[0].error_code == "unknown_email"  # type: ignore[attr-defined]
