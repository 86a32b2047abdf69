"""The same request over HTTP and straight onto Kafka: same email, same refusals, whatever client wrote the record."""

import json
from collections import Counter
from typing import Any
from uuid import uuid4

import pytest

from shared.topics import partition_for
from tests.e2e.asking import Json, ask, becomes, content, mails
from tests.e2e.kafka import Place, Sent, produce, records
from tests.e2e.world import World

pytestmark = pytest.mark.e2e
PARTITIONS = 6
PARTITIONERS = ("consistent_random", "murmur2_random")  # librdkafka's default, the Java clients' default


def requests(to: str, *, count: int = 8) -> list[Sent]:
    return [request(content(f"{to}{number}@kafka.example")) for number in range(count)]


def request(body: Json) -> Sent:
    email_id = str(uuid4())
    value = json.dumps({"type": "SendEmail", "email_id": email_id, **body}).encode()
    return Sent(topic="email.requests", value=value, key=email_id.encode())


def id_of(record: Sent) -> str:
    return record.key.decode()


def home(email_id: str) -> int:
    return partition_for(email_id.encode(), PARTITIONS)


def misplaced(asked: list[Sent], places: list[Place]) -> int:
    return sum(place.partition != home(id_of(one)) for one, place in zip(asked, places, strict=True))


@pytest.mark.parametrize("partitioner", PARTITIONERS)
def test_any_client_may_ask(world: World, partitioner: str) -> None:
    asked = requests(f"{partitioner}.")
    places = produce(world, asked, partitioner=partitioner)
    assert (misplaced(asked, places) > 0) == (partitioner == "consistent_random")
    assert_each_delivered_once(world, [id_of(one) for one in asked])


def test_the_same_request_by_both_clients_is_one_email(world: World) -> None:
    asked = requests("both.")
    for partitioner in PARTITIONERS:
        produce(world, asked, partitioner=partitioner)
    assert_each_delivered_once(world, [id_of(one) for one in asked])


def assert_each_delivered_once(world: World, ids: list[str]) -> None:
    for email_id in ids:
        becomes(world, email_id, "delivered")
    copies = Counter(row["message_id"].partition("@")[0] for row in world.arrived())
    assert [copies[email_id] for email_id in ids] == [1] * len(ids)
    facts, personal = records(world, "email.events"), records(world, "email.personal")
    for email_id in ids:
        own = [record for record in facts if record.key() == email_id.encode()]
        kinds = [json.loads(record.value() or b"")["type"] for record in own]
        assert kinds == ["email.queued", "email.sending", "email.delivered"]
        assert {record.partition() for record in own} == {home(email_id)}
        assert [one.partition() for one in personal if one.key() == email_id.encode()] == [home(email_id)]


BAD: dict[str, tuple[Json, str]] = {
    "sender": ({"from": "x@elsewhere.example"}, "unknown_sender_domain"),
    "address": ({"to": "Nemo nobody"}, "invalid_address"),
    "two addresses": ({"to": "nemo@a.example, nemo@b.example"}, "invalid_address"),
    "line end": ({"subject": "Hello\r\nBcc: nemo@b.example"}, "invalid_characters"),
    "name": ({"to": {"email": "nemo@a.example", "name": "Ne\nmo"}}, "invalid_characters"),
    "tag": ({"tags": ["a\x00b"]}, "invalid_characters"),
    "template": ({"template": "no-such", "subject": None, "text": None}, "unknown_template"),
    "variable": ({"template": "greeting", "subject": None, "text": None}, "missing_variable"),
    "conflict": ({"template": "greeting"}, "content_conflict"),
    "empty": ({"text": None}, "content_missing"),
    "header": ({"headers": {"DKIM-Signature": "v=1"}}, "header_not_allowed"),
    "attachment": ({"attachments": [{"filename": "a.txt", "content": "%"}]}, "attachment_invalid"),
    "expired": ({"expires_at": "2020-01-01T00:00:00Z"}, "already_expired"),
    "far": ({"send_at": "2999-01-01T00:00:00Z"}, "send_at_too_far"),
    "nesting": ({"template": "greeting", "subject": None, "text": None, "variables": "deep"}, "nesting_too_deep"),
    "unknown": ({"subjekt": "Hello"}, "unknown_field"),
    "type": ({"tags": "invoice"}, "wrong_type"),
    "stream": ({"stream": "fax"}, "wrong_type"),
    "time": ({"send_at": "tomorrow"}, "wrong_type"),
    "missing": ({"to": None}, "missing_field"),
    "many": ({"tags": [f"t{number}" for number in range(21)]}, "too_many_items"),
    "long": ({"reference": "r" * 201}, "too_long"),
}


def deep(levels: int) -> Json:
    found: dict[str, Any] = {}
    for _ in range(levels):
        found = {"in": found}
    return found


@pytest.fixture(scope="module")
def _greeting(world: World) -> None:
    answer = world.api.put("/v1/templates/greeting", json={"subject": "Hello", "text": "Hello {{ name }}."})
    assert answer.status_code == 200, answer.text


@pytest.mark.usefixtures("_greeting")
@pytest.mark.parametrize("what", BAD)
def test_what_http_refuses_kafka_rejects_with_the_same_code(world: World, what: str) -> None:
    changes, code = BAD[what]
    body = content(**({"to": "Nemo Nobody <nemo@kafka.example>"} | changes))
    if body.get("variables") == "deep":
        body["variables"] = deep(20)
    answer = ask(world.api, body)
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["code"], problem["type"]) == (code, f"/errors/{code}")
    asked = request(body)
    produce(world, [asked])
    answer = world.api.get(f"/v1/emails/{id_of(asked)}", headers={"Prefer": "wait=10"})
    assert answer.headers["Preference-Applied"] == "wait=10", (
        "marks of transactions at the end of requests hold up nobody"
    )
    seen = becomes(world, id_of(asked), "rejected")
    (fact,) = seen["timeline"]
    assert (fact["type"], fact["error_code"], fact.get("field")) == ("email.rejected", code, problem.get("field"))
    assert seen["error_code"] == code
    assert mails(world, id_of(asked)) == []
