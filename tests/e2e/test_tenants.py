"""Two tenants: neither can tell the other's things from things that are not there, and keys are each one's own."""

import time
from collections.abc import Iterator
from uuid import uuid4

import httpx2
import pytest

from tests.e2e.asking import Json, ask, becomes, content, mails, send, timeline, until, view
from tests.e2e.world import World

pytestmark = pytest.mark.e2e
AT_ONCE = {"Prefer": "wait=0"}


@pytest.fixture(scope="module")
def stranger(world: World) -> Iterator[httpx2.Client]:
    """A client of another tenant."""
    with world.client_of("other") as client:
        yield client


def told(client: httpx2.Client, method: str, path: str) -> tuple[int, Json]:
    """Status and body, without the trace."""
    answer = client.request(method, path, headers=AT_ONCE)
    body: Json = answer.json()
    body.pop("trace_id", None)
    return answer.status_code, body


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/emails/{email}"),
        ("POST", "/v1/emails/{email}/cancel"),
        ("GET", "/v1/batches/{batch}"),
        ("POST", "/v1/batches/{batch}/pause"),
        ("POST", "/v1/batches/{batch}/resume"),
        ("GET", "/v1/templates/{template}"),
    ],
)
def test_what_is_anothers_is_not_there(world: World, stranger: httpx2.Client, method: str, path: str) -> None:
    ours = things(world)
    nobodys = {"email": str(uuid4()), "batch": str(uuid4()), "template": "nobodys"}
    status, body = told(stranger, method, path.format(**ours))
    assert status == 404
    assert (status, body) == told(stranger, method, path.format(**nobodys))
    assert view(world, ours["email"])["status"] == "delivered"


def test_a_stranger_leaves_no_trace_and_learns_nothing(world: World, stranger: httpx2.Client) -> None:
    """Asking to cancel is asked of the sender, who knows both: neither answer nor its time tells them apart."""
    ours = things(world)["email"]
    for email_id in (ours, str(uuid4())):
        asked = time.monotonic()
        answer = stranger.post(f"/v1/emails/{email_id}/cancel", headers={"Prefer": "wait=1"})
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_email")
        assert time.monotonic() - asked >= 1
        assert stranger.get(f"/v1/emails/{email_id}").status_code == 404
    assert timeline(view(world, ours)) == ["queued", "sending", "delivered"]


def things(world: World) -> dict[str, str]:
    """Things of the first tenant's that are known by now; the same ones each time."""
    email_id = send(world, "mine@tenant.example", key="tenants")
    batch_id = world.send_batch(["mine1@tenant.example"], key="tenants")["batch_id"]
    becomes(world, email_id, "delivered")
    assert world.api.get(f"/v1/batches/{batch_id}", headers={"Prefer": "wait=10"}).status_code == 200
    assert world.api.put("/v1/templates/ours", json={"subject": "Hello", "text": "Hello."}).status_code == 200
    return {"email": email_id, "batch": batch_id, "template": "ours"}


def test_lists_are_each_ones_own(world: World, stranger: httpx2.Client) -> None:
    ours = things(world)
    assert stranger.get("/v1/emails", params={"batch_id": ours["batch"]}).json()["emails"] == []
    seen = [row["email_id"] for row in stranger.get("/v1/emails").json()["emails"]]
    assert ours["email"] not in seen


def test_suppressions_are_each_ones_own(world: World, stranger: httpx2.Client) -> None:
    to = {"recipient": "listed@tenant.example"}
    assert world.api.post("/v1/suppressions", json=to).status_code == 201
    (ours,) = until(lambda: world.api.get("/v1/suppressions", params=to).json()["suppressions"])
    for recipient in (to["recipient"], ours["recipient_ref"]):
        assert stranger.get("/v1/suppressions", params={"recipient": recipient}).json()["suppressions"] == []
        assert stranger.delete("/v1/suppressions", params={"recipient": recipient}).status_code == 204
    answer = ask(stranger, content(to["recipient"]))
    theirs = answer.json()["email_id"]
    until(lambda: len(mails(world, theirs)) == 1)
    becomes(world, send(world, to["recipient"]), "suppressed")


def test_the_same_key_of_two_tenants_is_two_emails(world: World, stranger: httpx2.Client) -> None:
    body = content("both@tenant.example")
    ids = {ask(client, body, key="one-key").json()["email_id"] for client in (world.api, stranger)}
    assert len(ids) == 2
    for email_id in ids:
        until(lambda wanted=email_id: len(mails(world, wanted)) == 1)  # type: ignore[misc]
