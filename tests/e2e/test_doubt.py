"""An email in doubt: the server keeps each copy and never says so. Proof settles it, or an operator does."""

import httpx2
import pytest

from tests.e2e.asking import Json, becomes, mails, send, source, timeline, until
from tests.e2e.world import World
from tests.faults.client import pixel_of

pytestmark = pytest.mark.e2e
PAGE = "<p>Hello.</p>"


def in_doubt(world: World, name: str) -> str:
    """An email whose first copy has arrived without a word."""
    email_id = send(world, f"drop+{name}@doubt.example", html=PAGE)
    until(lambda: mails(world, email_id))
    return email_id


def resolutions(seen: Json) -> list[Json]:
    return [fact for fact in seen["timeline"] if fact["type"] == "email.resolved"]


def test_a_reader_proves_that_it_arrived(world: World) -> None:
    """Without that the policy would try four times, and give up."""
    email_id = in_doubt(world, "reader")
    assert httpx2.get(pixel_of(source(world, mails(world, email_id)[0])), timeout=30).status_code == 200
    seen = becomes(world, email_id, "delivered")
    last = resolutions(seen)[-1]
    (opened,) = [fact for fact in seen["timeline"] if fact["type"] == "email.opened"]
    assert (last["decision"], last["by"], last["causation_id"]) == ("delivered", "proof", opened["event_id"])
    assert timeline(seen)[-1] == "resolved"


def test_an_operator_says_what_is_known(world: World) -> None:
    """While the doubt lasts, or after the policy has given up."""
    email_id = in_doubt(world, "operator")
    key = world.api.headers["authorization"].removeprefix("Bearer ")
    options = ("--outcome", "delivered", "--reason", "seen in their log", "--key", key)
    said = world.postlog("emails", "resolve", email_id, *options, "--url", str(world.stack.addresses.api))
    assert said == f"email {email_id}: resolved, delivered\n"
    seen = becomes(world, email_id, "delivered")
    last = resolutions(seen)[-1]
    assert (last["reason"], last["by"].startswith("api")) == ("seen in their log", True)
    again = world.api.post(f"/v1/emails/{email_id}/resolve", json={"outcome": "retry", "reason": "once more"})
    assert (again.status_code, again.json()["code"]) == (409, "already_final")
