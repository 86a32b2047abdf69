"""Asking again under the same Idempotency-Key: one id, one mail, also when the API was killed in between (P2)."""

import pytest

from tests.e2e.asking import ask, becomes, content, mails, send, timeline
from tests.e2e.world import World

pytestmark = pytest.mark.e2e


def test_asked_twice_it_is_one_email(world: World) -> None:
    ids = {send(world, "twice@key.example", key="key-twice") for _ in range(3)}
    (email_id,) = ids
    assert timeline(becomes(world, email_id, "delivered")) == ["queued", "sending", "delivered"]
    assert send(world, "twice@key.example", key="key-twice") == email_id, "also when it is final"
    assert len(mails(world, email_id)) == 1


def test_another_body_under_the_key_is_refused(world: World) -> None:
    email_id = send(world, "other@key.example", key="key-other")
    for again in range(2):  # while it is under way, and when it is final
        answer = ask(world.api, content("other@key.example", subject=f"Changed {again}"), key="key-other")
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_conflict")
        becomes(world, email_id, "delivered")
    assert len(mails(world, email_id)) == 1


def test_the_key_holds_when_the_api_is_killed(world: World) -> None:
    to = ["killed+1@key.example", "killed+2@key.example"]
    email_id, batch = send(world, "killed@key.example", key="key-killed"), world.send_batch(to, key="key-batch")
    world.kill("api")
    assert world.send_batch(to, key="key-batch") == batch
    assert send(world, "killed@key.example", key="key-killed") == email_id
    for each in (email_id, *(item["email_id"] for item in batch["emails"])):
        assert timeline(becomes(world, each, "delivered")) == ["queued", "sending", "delivered"]
        assert len(mails(world, each)) == 1
