"""`/v1/destinations` on real Kafka and PostgreSQL."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from starlette.testclient import TestClient

from shared.clock import SystemClock
from shared.db.read_models import emails
from shared.events import DestinationLimited
from shared.kafka import config
from shared.kafka.producer import FutureProducer
from shared.records import Control, control_key, encode
from shared.topics import CONTROLS
from tests.integration.api.stage import Stage, email_row

pytestmark = pytest.mark.integration
NOW = SystemClock().now()


def rows(stage: Stage, *wanted: tuple[str, str, str, int]) -> None:
    """Emails: tenant, domain, status, minutes ago."""
    stage.put(
        emails,
        *(
            email_row(
                uuid4(),
                tenant=tenant,
                recipient_domain=domain,
                status=status,
                queued_at=NOW - timedelta(minutes=minutes),
                updated_at=NOW,
            )
            for tenant, domain, status, minutes in wanted
        ),
    )


def until(asked: Callable[[], Any], wanted: Any) -> None:
    """Wait until the copy of the controls has it."""
    deadline = time.monotonic() + 20
    while (found := asked()) != wanted:
        assert time.monotonic() < deadline, found
        time.sleep(0.05)


def shown(client: TestClient, name: str) -> dict[str, Any]:
    answer = client.get("/v1/destinations", params={"destination": name})
    assert answer.status_code == 200
    (row,) = answer.json()["destinations"]
    return dict(row)


def test_what_waits_is_counted_by_destination_the_oldest_first(stage: Stage, client: TestClient) -> None:
    rows(
        stage,
        ("default", "a.example", "queued", 5),
        ("default", "a.example", "deferred", 50),
        ("default", "b.example", "sending", 60),
        ("default", "b.example", "scheduled", 90),
        ("default", "b.example", "delivered", 99),
        ("acme", "a.example", "queued", 1),
    )
    with stage.client(tenant="acme") as other:
        found = client.get("/v1/destinations").json()
        assert [(row["destination"], row["waiting"]) for row in found["destinations"]] == [
            ("b.example", 1),
            ("a.example", 3),
        ]
        assert found["destinations"][1]["counts"] == {"queued": 2, "deferred": 1}
        assert found["position"]["token"]
        assert [
            (row["destination"], row["waiting"]) for row in other.get("/v1/destinations").json()["destinations"]
        ] == [("a.example", 1)]


def test_an_operator_holds_limits_flushes_and_releases_a_destination(stage: Stage, client: TestClient) -> None:
    assert client.post("/v1/destinations/A.example/hold", json={"reason": "asked"}).status_code == 202
    until(lambda: shown(client, "a.example")["held"], True)
    limited = client.put("/v1/destinations/a.example/limits", json={"rate": 2, "connections": 1})
    assert (limited.status_code, limited.json()["for_all"]) == (202, True)
    until(lambda: (shown(client, "a.example")["limits"] or {}).get("rate"), 2.0)
    assert client.post("/v1/destinations/a.example/flush").status_code == 202
    assert client.post("/v1/destinations/a.example/release").status_code == 202
    until(lambda: shown(client, "a.example")["held"], False)
    facts = [fact for fact in stage.facts() if isinstance(fact, DestinationLimited)]
    assert [sorted(fact.new) for fact in facts] == [["held"], ["connections", "rate"], ["flushed"], ["held"]]
    assert {fact.destination for fact in facts} == {"a.example"}
    listed = client.get("/v1/destinations").json()["destinations"]
    assert [row["destination"] for row in listed] == ["a.example"]


def test_what_replies_imposed_is_shown_until_a_release_lifts_it(stage: Stage, client: TestClient) -> None:
    imposed = Control(
        tenant="default",
        kind="imposed",
        name="a.example",
        by="replies",
        rule="too-much-mail@1",
        at=NOW,
        paused_until=NOW + timedelta(minutes=5),
        until=NOW + timedelta(minutes=15),
        rate=2.0,
        recovery=600.0,
    )
    producer = FutureProducer(config.producer(stage.settings))
    key, topic = control_key(imposed).encode(), stage.settings.topic(CONTROLS.name)
    producer.send(topic, key=key, value=encode(imposed)).result(20)
    producer.close()
    until(lambda: (shown(client, "a.example")["imposed"] or {}).get("rule"), "too-much-mail@1")
    client.post("/v1/destinations/a.example/release")
    until(lambda: shown(client, "a.example")["imposed"], None)


def test_what_is_asked_wrongly_is_refused(stage: Stage, client: TestClient) -> None:
    def code(answer: Any) -> tuple[int, str]:
        return answer.status_code, answer.json()["code"]

    assert code(client.post("/v1/destinations/a%20b/hold")) == (400, "invalid_parameter")
    assert code(client.put("/v1/destinations/a.example/limits", json={"rate": 0})) == (422, "wrong_type")
    assert code(client.put("/v1/destinations/a.example/limits", json={"rats": 1})) == (422, "unknown_field")
    assert code(client.post("/v1/streams/gossip/hold")) == (404, "not_found")
    assert code(client.put("/v1/batches/x/weight", json={"weight": 2})) == (404, "not_found")
    assert client.post("/v1/destinations/a.example/explode").status_code in (400, 404)
    with stage.client(tenant="acme") as other:
        assert code(other.put("/v1/destinations/a.example/limits", json={"rate": 1})) == (403, "operators_only")
        assert code(other.post("/v1/tenants/default/hold")) == (403, "operators_only")
        assert other.post("/v1/destinations/a.example/hold").json()["for_all"] is False
