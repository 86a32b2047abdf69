"""PostgreSQL away, Kafka away: what still works, what says that it does not, and nothing lost when they are back."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import pytest

from cli.inbox.reader import look
from cli.stack.stack import SERVICES
from tests.e2e.asking import Json, ask, becomes, content, mails, not_ready, send, source, until, view
from tests.e2e.world import QUICK, World

pytestmark = pytest.mark.e2e
COUNT = 10
KAFKA_SECONDS = float(QUICK["POSTLOG_API_KAFKA_SECONDS"])


@contextmanager
def away(world: World, part: str) -> Iterator[None]:
    """Without a part, for a while, which no service takes for a reason to die."""
    before = processes(world)
    world.stop(part)
    try:
        yield
    finally:
        world.start(part)
    until(lambda: not_ready(world) == [])
    assert processes(world) == before


def processes(world: World) -> dict[str, int | None]:
    return {name: world.stack[name].pid for name in SERVICES}


def test_without_postgres_commands_are_taken(world: World) -> None:
    known = send(world, "before@outage.example")
    becomes(world, known, "delivered")
    with away(world, "postgres"):
        email_id = send(world, "meanwhile@outage.example")
        batch = world.send_batch([f"meanwhile{n}@outage.example" for n in range(COUNT)], key="outage")
        for path in (f"/v1/emails/{known}", "/v1/emails", f"/v1/batches/{batch['batch_id']}", "/v1/reports/summary"):
            assert_unavailable(world.api.get(path), "database_unavailable")
        until(lambda: len(mails(world, email_id)) == 1)  # it is sent all the same
        assert world.api.get("/readyz").status_code == 200
    until(lambda: world.api.get("/v1/emails").status_code == 200)  # within a second of the last refusal
    becomes(world, email_id, "delivered")
    until(lambda: counts(world, batch["batch_id"]) == {"delivered": COUNT})


def counts(world: World, batch_id: str) -> Json:
    answer = world.api.get(f"/v1/batches/{batch_id}", headers={"Prefer": "wait=10"})
    found: Json = answer.json()["counts"]
    return found


def assert_unavailable(answer: httpx2.Response, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (503, code)
    assert int(answer.headers["Retry-After"]) > 0


def test_without_kafka_nothing_is_promised_and_no_reader_waits(world: World) -> None:
    email_id = send(world, "pixel@outage.example", html="<p>Hello.</p>")
    becomes(world, email_id, "delivered")
    (row,) = mails(world, email_id)
    (pixel,) = look(source(world, row)).images
    body = content("again@outage.example")
    with away(world, "kafka"):
        asked = time.monotonic()
        assert_unavailable(ask(world.api, body, key="outage-again"), "kafka_unavailable")
        assert time.monotonic() - asked < KAFKA_SECONDS + 2
        asked = time.monotonic()
        answer = httpx2.get(pixel)
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/gif")
        assert time.monotonic() - asked < 1
        assert view(world, email_id)["status"] == "delivered", "queries need no Kafka"
    again = until(lambda: ask(world.api, body, key="outage-again").json().get("email_id"))
    becomes(world, again, "delivered")
    answer = world.api.get(f"/v1/emails/{again}", headers={"Prefer": "wait=20"})
    assert answer.headers["Preference-Applied"] == "wait=20", "it can be asked again how far the log goes"
    assert len(mails(world, again)) == 1
    until(lambda: view(world, email_id)["opened_at"])
