"""What a commit tells operators: counters, durations, and lines without a word of the recipient's."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
import structlog
from prometheus_client import REGISTRY

from services.sender.telling import tell
from shared.events import EmailBounced, EmailDeferred, EmailDelivered, EmailFailed, EmailQueued

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
EMAIL = UUID("019ab0c2-0000-7000-8000-000000000000")
ABOUT: dict[str, Any] = {
    "event_id": UUID(int=7),
    "occurred_at": datetime(2026, 11, 24, tzinfo=UTC),
    "tenant": "acme",
    "email_id": EMAIL,
    "stream": "transactional",
    "attempt": 1,
}
REPLY: dict[str, Any] = {
    "smtp_phase": "rcpt_to",
    "smtp_reply_code": 450,
    "enhanced_status_code": "4.2.1",
    "smtp_reply_text": "4.2.1 ada@example.org is not at home",
    "mx_host": "mx.example.org",
}
DELIVERED = EmailDelivered(**ABOUT, smtp_reply_code=250, queue_ms=70, session_ms=20)
DEFERRED = EmailDeferred(**ABOUT, **REPLY, retry_at=ABOUT["occurred_at"], detail="ada@example.org")


@pytest.fixture(autouse=True)
def level(request: pytest.FixtureRequest) -> Iterator[None]:
    """Lines are said from this level on."""
    least = getattr(request, "param", logging.INFO)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(least), cache_logger_on_first_use=False)
    yield
    structlog.reset_defaults()


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_an_attempt_that_did_not_go_well_is_said_with_its_email_and_trace() -> None:
    with structlog.testing.capture_logs() as lines:
        tell([(DEFERRED, TRACE)], seconds=0.01)
    assert lines == [
        {
            "event": "email.deferred",
            "log_level": "info",
            "email_id": str(EMAIL),
            "trace_id": TRACE.split("-")[1],
            "tenant": "acme",
            "stream": "transactional",
            "attempt": 1,
            "mx_host": "mx.example.org",
            "smtp_phase": "rcpt_to",
            "smtp_reply_code": 450,
            "enhanced_status_code": "4.2.1",
        }
    ]


def test_a_bounce_and_a_failure_say_why() -> None:
    judged = {"origin": "smtp", "bounce_class": "hard", "bounce_category": "invalid_recipient"}
    bounced = EmailBounced(**ABOUT, **judged, classifier_version="1")  # type: ignore[arg-type]
    with structlog.testing.capture_logs() as lines:
        tell([(bounced, TRACE), (EmailFailed(**ABOUT, reason="expired"), None)], seconds=0.01)
    assert [line["event"] for line in lines] == ["email.bounced", "email.failed"]
    assert (lines[0]["bounce_class"], lines[0]["bounce_category"]) == ("hard", "invalid_recipient")
    assert lines[1]["reason"] == "expired" and "trace_id" not in lines[1]


@pytest.mark.parametrize(("level", "said"), [(logging.INFO, 0), (logging.DEBUG, 1)], indirect=["level"])
def test_delivered_mail_is_said_at_debug_only(said: int) -> None:
    with structlog.testing.capture_logs() as lines:
        tell([(DELIVERED, TRACE)], seconds=0.01)
    assert len(lines) == said and all(line["log_level"] == "debug" for line in lines)


def test_facts_and_durations_are_counted() -> None:
    queued = EmailQueued(**ABOUT | {"attempt": 0}, sender="a@acme.test", request_hash="", content_hash="")
    first = {"stream": "transactional", "attempt": "first"}
    names = {
        "delivered": ("postlog_sender_events_total", {"type": "email.delivered"}),
        "queued": ("postlog_sender_events_total", {"type": "email.queued"}),
        "commits": ("postlog_sender_commit_seconds_count", {}),
        "facts": ("postlog_sender_commit_events_sum", {}),
        "replies": ("postlog_sender_queued_to_reply_seconds_bucket", first | {"le": "0.1"}),
        "quicker": ("postlog_sender_queued_to_reply_seconds_bucket", first | {"le": "0.05"}),
    }
    before = {key: value(name, **labels) for key, (name, labels) in names.items()}
    tell([(queued, TRACE), (DELIVERED, TRACE), (DELIVERED, None)], seconds=0.01)
    grown = {key: value(name, **labels) - before[key] for key, (name, labels) in names.items()}
    assert grown == {"delivered": 2, "queued": 1, "commits": 1, "facts": 3, "replies": 2, "quicker": 0}
