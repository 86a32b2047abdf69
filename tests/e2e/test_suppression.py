"""Who bounced hard, or was put on the list, gets nothing more until taken off it."""

import pytest

from tests.e2e.asking import Json, becomes, mails, send, timeline, until, view
from tests.e2e.world import World

pytestmark = pytest.mark.e2e
IN_EFFECT = 3.0  # seconds: the API says 2, and an email takes its time too


def listed(world: World, address: str) -> list[str]:
    """The reasons why an address is on the list, after all that was done before."""
    answer = world.api.get("/v1/suppressions", params={"recipient": address}, headers={"Prefer": "wait=10"})
    assert answer.headers["Preference-Applied"] == "wait=10"
    return [row["reason"] for row in answer.json()["suppressions"]]


def outcome(world: World, to: str) -> Json:
    """What becomes of an email sent now."""
    email_id = send(world, to)
    return until(lambda: seen if (seen := view(world, email_id))["status"] in ENDS else None)


ENDS = ("suppressed", "bounced", "delivered")


def ends_as(world: World, to: str, status: str) -> Json:
    """The first email that ends so: what is asked of the list is in effect within moments."""
    return until(lambda: seen if (seen := outcome(world, to))["status"] == status else None, seconds=IN_EFFECT)


def remove(world: World, address: str) -> None:
    assert world.api.delete("/v1/suppressions", params={"recipient": address}).status_code == 204
    assert listed(world, address) == []


def test_a_hard_bounce_suppresses(world: World) -> None:
    to = "hardbounce+journey@bounce.example"
    bounced = becomes(world, send(world, to), "bounced")
    assert bounced["last_reply_code"] == 550
    assert "user unknown" in bounced["last_reply_text"] and to not in bounced["last_reply_text"]
    (bounce,) = [fact for fact in bounced["timeline"] if fact["type"] == "email.bounced"]
    assert (bounce["bounce_class"], bounce["bounce_category"]) == ("hard", "invalid_recipient")
    until(lambda: listed(world, to) == ["hard_bounce"])
    stopped = ends_as(world, to, "suppressed")
    assert timeline(stopped) == ["queued", "suppressed"]
    assert stopped["timeline"][1]["causing_event_id"] == bounce["event_id"]
    remove(world, to)
    assert timeline(ends_as(world, to, "bounced")) == ["queued", "sending", "bounced"]


def test_put_on_the_list_and_taken_off(world: World) -> None:
    to = "listed@bounce.example"
    added = world.api.post("/v1/suppressions", json={"recipient": to, "reason": "asked by phone"})
    assert (added.status_code, added.json()["scope"]) == (201, "tenant")
    stopped = ends_as(world, to, "suppressed")
    assert mails(world, stopped["email_id"]) == []
    assert listed(world, to) == ["asked by phone"]
    remove(world, to)
    ends_as(world, to, "delivered")
