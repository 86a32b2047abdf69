"""What a key may do: by scope, until it expires; and that its use is noted."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from services.api.adapters.state import list_keys
from tests.integration.api.stage import EMAIL, Stage

pytestmark = pytest.mark.integration


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def outcome(answer: Any) -> tuple[int, str | None]:
    return answer.status_code, None if answer.status_code < 400 else answer.json()["code"]


def test_a_key_does_what_its_scopes_say(stage: Stage, client: TestClient) -> None:
    send, read = (bearer(stage.make_key(scopes=[scope])) for scope in ("send", "read"))
    refused = (403, "scope_missing")
    assert outcome(client.post("/v1/emails", json=EMAIL, headers=send)) == (202, None)
    assert outcome(client.get("/v1/emails", headers=send)) == refused
    assert outcome(client.get("/v1/emails", headers=read)) == (200, None)
    assert outcome(client.post("/v1/emails", json=EMAIL, headers=read)) == refused
    suppress = client.post("/v1/suppressions", json={"recipient": "ada@example.org"}, headers=send)
    assert outcome(suppress) == refused and "admin" in suppress.json()["detail"]
    assert len(stage.commands()) == 1 and stage.facts() == []


def test_a_key_ends_when_it_expires(stage: Stage, client: TestClient) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=2)
    key = bearer(stage.make_key(expires_at=soon))
    assert outcome(client.get("/v1/emails", headers=key)) == (200, None)
    while datetime.now(UTC) < soon:
        time.sleep(0.05)
    assert outcome(client.get("/v1/emails", headers=key)) == (401, "unauthorized")


def test_the_use_of_a_key_is_noted(stage: Stage, client: TestClient) -> None:
    idle = stage.make_key()
    assert client.get("/v1/emails").status_code == 200
    deadline = time.monotonic() + 20
    while True:
        with stage.engine.connect() as connection:
            used = {one.prefix: one.last_used_at for one in list_keys(connection)}
        if any(used.values()):
            break
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert used.pop(idle.split("_")[1]) is None and all(used.values())
