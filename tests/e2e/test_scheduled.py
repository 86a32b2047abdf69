"""Emails for later: not before their time, never when cancelled in time, and too late is said (P5)."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.e2e.asking import Json, becomes, mails, send, timeline, view
from tests.e2e.world import World

pytestmark = pytest.mark.e2e
LATEST = timedelta(seconds=5)


def later(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def cancel(world: World, email_id: str) -> tuple[int, Json]:
    answer = world.api.post(f"/v1/emails/{email_id}/cancel", json={"reason": "ordered twice"})
    return answer.status_code, answer.json()


def test_at_its_time_and_not_when_cancelled(world: World) -> None:
    due = later(3)
    never = send(world, "never@later.example", send_at=later(2).isoformat())
    kept = send(world, "kept@later.example", send_at=due.isoformat())
    assert view(world, kept)["status"] == "scheduled"
    status, answer = cancel(world, never)
    assert (status, answer["status"]) == (200, "cancelled")
    seen = becomes(world, kept, "delivered")
    assert timeline(seen) == ["queued", "scheduled", "sending", "delivered"]
    (row,) = mails(world, kept)
    assert due <= datetime.fromisoformat(row["time"]) <= due + LATEST
    assert mails(world, never) == [], "its time came before that of the other one"
    assert timeline(view(world, never)) == ["queued", "scheduled", "cancelled"]
    assert cancel(world, never)[0] == 200, "cancelling again is no error"


def test_read_your_writes(world: World) -> None:
    """A query that waits has what was done before, in lists too (P10)."""
    email_id = send(world, "now@later.example", send_at=later(3600).isoformat(), reference="p10")
    answer = world.api.post(f"/v1/emails/{email_id}/cancel", headers={"Prefer": "wait=0"})
    assert (answer.status_code, answer.json()["status"]) == (202, "requested")
    assert timeline(view(world, email_id)) == ["queued", "scheduled", "cancelled"]
    ids = [send(world, "many@later.example") for _ in range(5)]
    listed = world.api.get("/v1/emails", params={"recipient": "many@later.example"}, headers={"Prefer": "wait=10"})
    assert listed.headers["Preference-Applied"] == "wait=10"
    assert {row["email_id"] for row in listed.json()["emails"]} == set(ids)


def test_too_late(world: World) -> None:
    email_id = send(world, "gone@later.example")
    becomes(world, email_id, "delivered")
    status, problem = cancel(world, email_id)
    assert (status, problem["code"]) == (409, "too_late")
    assert view(world, email_id)["status"] == "delivered"
