"""When an email that is asked for is due."""

from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from services.sender.domain.intake import Asked, Surroundings, send
from services.sender.domain.retry import RetryPolicy
from shared.acceptance import check
from shared.records import OpenEmail
from tests.unit.sender.examples import COMMAND_ID, NOW, REQUEST

HOUR = timedelta(hours=1)
POLICY = RetryPolicy(first_seconds=60, factor=2, jitter=0, attempts=10, span_seconds=86_400)


def opened(*, appended_at: datetime, send_at: datetime | None = None) -> OpenEmail:
    """The row of a request that the log has had since `appended_at`, read at `NOW` by the sender's clock."""
    command = replace(REQUEST, send_at=send_at)
    checked = check(command, sending_domains=frozenset(["acme.test"]), template=None, broadcast_ready=True, now=NOW)
    around = Surroundings(
        known=None, checked=checked, template=None, suppression=None, recipient_ref="ref", policy=POLICY, now=NOW
    )
    work = send(Asked(command=command, command_id=COMMAND_ID, appended_at=appended_at), around).work
    assert isinstance(work, OpenEmail)
    return work


@pytest.mark.parametrize("ahead", [HOUR, -HOUR])
def test_a_clock_that_is_wrong_and_put_right_holds_up_no_email(ahead: timedelta) -> None:
    """Ahead by an hour, and right again: what it queued meanwhile is due now, not in an hour; and behind as well."""
    email = opened(appended_at=NOW - ahead)
    assert email.status == "queued" and email.due_at == min(NOW, NOW - ahead)


def test_the_span_begins_when_it_is_read_however_long_it_has_waited_in_the_log() -> None:
    assert opened(appended_at=NOW - 30 * HOUR).expires_at == NOW + timedelta(days=1)


def test_a_scheduled_one_is_due_at_its_time() -> None:
    email = opened(appended_at=NOW, send_at=NOW + HOUR)
    assert (email.status, email.due_at) == ("scheduled", NOW + HOUR)


def test_one_whose_time_has_come_in_the_log_is_due_at_once() -> None:
    email = opened(appended_at=NOW - 2 * HOUR, send_at=NOW - HOUR)
    assert email.status == "queued" and email.due_at <= NOW
