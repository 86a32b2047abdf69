"""The lab's books find what they are for: a loss, a duplicate that nobody explains, a log or an API that lies."""

from dataclasses import replace
from typing import Any

from cli.demo.fold import Story
from tests.faults.ledger import Ledger, Verdict
from tests.faults.wire import Copy

ID, TO = "0199aaaa-0000-7000-8000-000000000001", "jo@d1.example"
DELIVERED = ("queued", "sending", "delivered")
DOUBTED = ("queued", "sending", "in_doubt", "resolved", "sending", "delivered")


def story(*kinds: str) -> dict[str, Story]:
    events = [{"type": f"email.{kind}", "decision": "retry"} for kind in kinds]
    return {ID: Story(ID, events)} if kinds else {}


def copy(**more: Any) -> Copy:
    usual: dict[str, Any] = {"recipient": TO, "session": 1, "began": 1.0, "email_id": ID, "dot_at": 2.0, "kept": True}
    return Copy(**usual | more)


def judged(
    *copies: Copy,
    told: tuple[str, ...] = DELIVERED,
    shown: str = "delivered",
    expected: str = "delivered",
    open_: int = 0,
) -> Verdict:
    ledger = Ledger()
    ledger.promise(ID, TO, expected=expected)
    ledger.fault(open_sessions=open_)
    return ledger.judge(copies=copies, stories=story(*told), shown={ID: shown})


def test_all_is_well() -> None:
    verdict = judged(copy())
    assert verdict.holds
    assert verdict == Verdict(emails=1)


def test_an_email_that_the_log_does_not_know_is_lost() -> None:
    assert judged(told=()).lost.keys() == {TO}


def test_an_email_that_never_arrived_is_lost_whatever_the_log_says() -> None:
    verdict = judged(copy(kept=False))
    assert verdict.lost.keys() == verdict.wrong.keys() == {TO}
    assert not verdict.holds


def test_an_email_that_waits_for_ever_is_lost() -> None:
    assert judged(told=("queued", "sending"), shown="sending").lost.keys() == {TO}


def test_a_second_copy_without_a_doubt_is_unexplained() -> None:
    verdict = judged(copy(), copy())
    assert (verdict.duplicates, set(verdict.unexplained)) == (1, {TO})
    assert not verdict.holds


def test_a_second_copy_in_doubt_is_explained_and_a_third_is_not() -> None:
    twice = judged(copy(), copy(), told=DOUBTED, open_=1)
    assert twice.holds
    assert (twice.duplicates, twice.in_doubt, twice.limit) == (1, 1, 1)
    assert judged(copy(), copy(), copy(), told=DOUBTED, open_=1).unexplained.keys() == {TO}


def test_two_emails_for_one_request_are_unexplained() -> None:
    other = replace(copy(), email_id="0199aaaa-0000-7000-8000-000000000002")
    assert judged(copy(), other, told=DOUBTED, open_=1).unexplained.keys() == {TO}


def test_more_doubts_than_open_connections_break_the_promise() -> None:
    verdict = judged(copy(), told=DOUBTED)
    assert (verdict.in_doubt, verdict.limit, verdict.holds) == (1, 0, False)


def test_a_dot_that_the_server_left_unanswered_may_be_in_doubt() -> None:
    assert judged(copy(unanswered=True), copy(), told=DOUBTED).holds


def test_an_api_that_says_something_else_is_wrong() -> None:
    assert judged(copy(), shown="sending").wrong.keys() == {TO}


def test_an_email_taken_in_twice_is_wrong() -> None:
    assert judged(copy(), told=("queued", *DELIVERED)).wrong.keys() == {TO}


def test_an_email_that_must_fail_and_does() -> None:
    assert judged(told=("queued", "failed"), shown="failed", expected="failed").holds
    assert judged(copy(), expected="failed").lost.keys() == {TO}
