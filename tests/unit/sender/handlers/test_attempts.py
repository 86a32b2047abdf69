"""Marks: what is told to the delivery is told once."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from services.sender.adapters.open_emails import OpenEmails
from services.sender.group import Group
from services.sender.handlers.attempts import Attempts
from services.sender.ready import Ready
from services.sender.settings import SenderSettings
from shared.clock import SystemClock
from shared.commands import SendEmail
from shared.records import OpenEmail
from tests.fakes.connections import FakeRouter
from tests.fakes.delivery import FakeDelivery


class Everything:
    """Tables and limits that stand in nobody's way."""

    controls_version = 0

    def current(self) -> bool:
        return True

    def suppression(self, **_: object) -> None:
        return None

    def paused(self, **_: str) -> bool:
        return False

    def source_opens_at(self, stream: str, *, now: float) -> float:
        return 0.0

    def opens_at(self, site: str, *, stream: str, now: float) -> float:
        return 0.0

    def taken(self, site: str, *, stream: str, now: float) -> None:
        """No books."""

    def released(self, site: str) -> None:
        """No books."""


@pytest.mark.parametrize("rescheduled", [False, True])
def test_after_a_group_is_given_up_only_marks_that_were_granted_are_asked_for_again(
    tmp_path: Path, rescheduled: bool
) -> None:
    settings = SenderSettings(token_keys="1:" + "ab" * 32, recipient_key="cd" * 32)
    table, ready, delivery, clear = OpenEmails(tmp_path / "0.db"), Ready(), FakeDelivery(None), Everything()
    ready.add_partition(0, table)
    anything: Any = clear
    fake: Any = delivery
    router: Any = FakeRouter()
    attempts = Attempts(
        settings,
        ready=ready,
        tables=anything,
        delivery=fake,
        router=router,
        limits=anything,
        clock=SystemClock(),
        epochs={0: 1},
        report_late=lambda job, ended: None,
    )
    now, email_id = datetime.now(UTC), uuid4()
    email = OpenEmail(
        request=SendEmail(email_id=email_id, sender="a@acme.test", to="b@example.com"),
        status="queued",
        request_hash="h",
        recipient_ref="r",
        recipient_domain="example.com",
        queued_at=now,
        due_at=now,
        expires_at=now + timedelta(days=1),
    )
    table.put(email_id, email)
    table.commit(table.changes(), changelog_offset=1, at=now)
    (name, due), *_ = table.queues()
    ready.note(0, name, due, email_id=email_id, now=now.timestamp())
    attempts.hand_out(Group({0: table}))
    assert [job.email_id for job in delivery.marks] == [email_id]
    group = Group({0: table})
    if rescheduled:  # in the group that is given up: afterwards the row is due again
        group.put(0, email_id, OpenEmail(**{**_fields(email), "due_at": now + timedelta(hours=1)}))
    attempts.collect(group)
    table.rollback()
    for call in reversed(group.given_up):
        call()
    assert [job.email_id for job in delivery.marks] == ([] if rescheduled else [email_id])
    assert [job.email_id for job in delivery.denied] == ([email_id] if rescheduled else [])
    table.close()


def _fields(email: OpenEmail) -> dict[str, Any]:
    return {name: getattr(email, name) for name in email.__struct_fields__}
