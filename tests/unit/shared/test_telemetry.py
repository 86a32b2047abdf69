"""Logs, trace context and what a readiness page says."""

import json
from collections.abc import Iterator

import pytest
import structlog

from shared.telemetry import configure_logging, readiness, traceparent

GOOD = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def test_a_well_formed_trace_context_is_carried_on() -> None:
    assert traceparent(GOOD) == GOOD


@pytest.mark.parametrize(
    "given",
    [
        None,
        "",
        "nonsense",
        GOOD + "\n",
        GOOD + "-00",
        GOOD.upper(),
        GOOD.replace("00-", "ff-", 1),
        "00-" + "0" * 32 + "-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-" + "0" * 16 + "-01",
    ],
)
def test_a_malformed_one_makes_a_new_trace(given: str | None) -> None:
    made = traceparent(given)
    assert made != given and traceparent(made) == made and made != traceparent(given)


def test_readiness_says_what_is_missing() -> None:
    assert readiness({}) == (200, b'{"ready": true, "checks": {}}')
    status, body = readiness({"kafka": None, "topics": "topic email.events is missing"})
    assert status == 503
    assert json.loads(body) == {"ready": False, "checks": {"kafka": "ok", "topics": "topic email.events is missing"}}


def test_a_log_line_is_json_with_time_level_and_what_is_bound(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(service="sender", level="warning", style="json")
    log = structlog.get_logger()
    with structlog.contextvars.bound_contextvars(email_id="019ab0c2"):
        log.info("not said")
        log.warning("said", attempt=2)
    output = capsys.readouterr()
    line = json.loads(output.err)
    assert output.out == ""
    assert (line["event"], line["level"], line["attempt"], line["email_id"]) == ("said", "warning", 2, "019ab0c2")
    assert line["timestamp"].endswith("Z") and line["service"] == "sender"


def test_a_failure_brings_its_trace(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(service="sender", level="info", style="json")
    try:
        raise ZeroDivisionError("a bug")
    except ZeroDivisionError:
        structlog.get_logger().exception("it failed")
    assert "ZeroDivisionError: a bug" in json.loads(capsys.readouterr().err)["exception"]


def test_text_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(service="sender", level="info", style="text")
    structlog.get_logger().info("said", attempt=2)
    assert "said" in capsys.readouterr().err
