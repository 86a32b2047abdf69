"""The demo's own fold of the log."""

import json
from typing import Any

import pytest

from cli.demo.fold import by_batch, fold, summary, written


def events(*kinds: str | dict[str, Any], email_id: str = "e1") -> list[bytes]:
    """Facts of one email, a second apart; a kind is a type's last part, or fields."""
    found = []
    for number, kind in enumerate(kinds):
        fields = kind if isinstance(kind, dict) else {"type": f"email.{kind}"}
        at = f"2026-11-24T08:00:0{number}.000000Z"
        event = {"email_id": email_id, "event_id": f"{email_id}-{number}", "occurred_at": at, **fields}
        found.append(json.dumps(event).encode())
    return found


def resolved(decision: str) -> dict[str, Any]:
    return {"type": "email.resolved", "decision": decision}


@pytest.mark.parametrize(
    ("kinds", "status"),
    [
        (("queued",), "queued"),
        (("queued", "scheduled", "cancelled"), "cancelled"),
        (("queued", "sending"), "sending"),
        (("queued", "sending", "deferred"), "deferred"),
        (("queued", "sending", "deferred", "sending", "delivered", "opened"), "delivered"),
        (("queued", "sending", "in_doubt"), "in_doubt"),
        (("queued", "sending", "in_doubt", resolved("retry")), "deferred"),
        (("queued", "sending", "in_doubt", resolved("give_up"), "failed"), "failed"),
        (("queued", "sending", "in_doubt", resolved("delivered")), "delivered"),
        (("queued", "sending", "delivered", "bounced"), "bounced"),
        (("rejected",), "rejected"),
    ],
)
def test_status(kinds: tuple[str | dict[str, Any], ...], status: str) -> None:
    assert fold(events(*kinds))["e1"].status == status


def test_a_repeated_event_counts_once_in_the_fold_and_each_time_in_what_was_written() -> None:
    log = events("queued", "sending") * 2
    assert fold(log)["e1"].count("email.queued") == 1
    assert written(log, "email.queued") == {"e1": 2}


def test_facts_that_are_about_no_email_are_passed_over() -> None:
    assert fold([b'{"type": "email.suppression.added", "event_id": "s1"}']) == {}


def test_attempts_before_their_time() -> None:
    due = {"type": "email.queued", "send_at": "2026-11-24T08:00:01.500000+00:00"}
    assert fold(events(due, "sending"))["e1"].early == 1
    assert fold(events(due, "scheduled", "sending"))["e1"].early == 0
    again = {"type": "email.deferred", "retry_at": "2026-11-24T08:00:09Z"}
    assert fold(events(due, "scheduled", "sending", again, "sending"))["e1"].early == 1


def test_sums() -> None:
    queued = {"type": "email.queued", "batch_id": "b1", "template": "invoice"}
    stories = fold(
        [
            *events(queued, "sending", "deferred", "sending", "delivered", "opened", "opened"),
            *events(queued, "sending", "bounced", email_id="e2"),
            *events("queued", email_id="e3"),
        ]
    )
    assert by_batch(stories) == {"b1": {"delivered": 1, "bounced": 1}}
    assert summary(stories, lambda event: [event.get("template", "none")]) == {
        "invoice": {"accepted": 2, "delivered": 1, "bounced": 1, "deferred": 1, "opened": 1},
        "none": {"accepted": 1, "queued": 1},
    }
