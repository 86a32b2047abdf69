"""What every journey does: ask for an email, wait for what becomes of it, look at what arrived."""

import time
from collections.abc import Callable
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any, TypeVar

import httpx2

from cli.stack.stack import SERVICES
from tests.e2e.world import SENDER, World

T = TypeVar("T")
Json = dict[str, Any]
PATIENCE = 30.0  # seconds


def content(to: str | Json, **more: Any) -> Json:
    """The body of a request; a value of None leaves the member out."""
    body = {"from": SENDER, "to": to, "subject": "Hello", "text": "Hello.", **more}
    return {name: value for name, value in body.items() if value is not None}


def ask(client: httpx2.Client, body: Json, *, key: str | None = None, trace: str | None = None) -> httpx2.Response:
    """POST one email; the answer, whatever it is."""
    headers = {"Idempotency-Key": key, "traceparent": trace}
    return client.post("/v1/emails", json=body, headers={name: value for name, value in headers.items() if value})


def send(world: World, to: str | Json, *, key: str | None = None, **more: Any) -> str:
    """Ask for one email, which must be accepted; its id."""
    answer = ask(world.api, content(to, **more), key=key)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["email_id"])


def until(look: Callable[[], T | None], *, seconds: float = PATIENCE) -> T:
    """What `look` finds, as soon as it finds something."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s"
        time.sleep(0.05)
    return found


def view(world: World, email_id: str) -> Json:
    """The email as the API shows it, as soon as it does."""
    answer = world.api.get(f"/v1/emails/{email_id}", headers={"Prefer": "wait=20"})
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


def becomes(world: World, email_id: str, status: str, *, seconds: float = PATIENCE) -> Json:
    """The email as the API shows it, once it has this status."""
    deadline = time.monotonic() + seconds
    while (seen := view(world, email_id))["status"] != status:
        assert time.monotonic() < deadline, f"{email_id} is {seen['status']}, not {status}: {timeline(seen)}"
        time.sleep(0.05)
    return seen


def timeline(seen: Json) -> list[str]:
    """The types of an email's facts, in order, without `email.`."""
    return [fact["type"].removeprefix("email.") for fact in seen["timeline"]]


def mails(world: World, email_id: str) -> list[Json]:
    """The inbox's rows about the copies of one email."""
    return [row for row in world.arrived() if row["message_id"].startswith(email_id)]


def source(world: World, row: Json) -> bytes:
    """A mail as it arrived."""
    return world.inbox.get(f"/api/messages/{row['id']}/source").content


def mail(world: World, email_id: str) -> EmailMessage:
    """The one copy of an email that arrived."""
    (row,) = mails(world, email_id)
    return BytesParser(policy=policy.default).parsebytes(source(world, row))


def not_ready(world: World) -> list[str]:
    """The services that say so."""
    addresses = {name: getattr(world.stack.addresses, name) for name in SERVICES}
    return [name for name, url in addresses.items() if httpx2.get(f"{url}/readyz", timeout=30).status_code != 200]
