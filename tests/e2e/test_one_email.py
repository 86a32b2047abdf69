"""One email over HTTP, followed through every public interface: API, inbox, DKIM, VERP, Kafka."""

import json
from email import message_from_bytes
from pathlib import Path

import dkim
import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from shared.dkim import dns_value
from shared.tokens import Keys
from tests.e2e.asking import Json, ask, becomes, content, mail, mails, send, source, timeline
from tests.e2e.kafka import about, headers_of
from tests.e2e.world import World

pytestmark = pytest.mark.e2e
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_from_the_request_to_the_mail(world: World) -> None:
    answer = ask(world.api, content("Ada <ada@one.example>"), trace=TRACE)
    assert answer.status_code == 202
    email_id = answer.json()["email_id"]
    assert answer.headers["Location"] == f"/v1/emails/{email_id}"
    first = world.api.get(f"/v1/emails/{email_id}", headers={"Prefer": "wait=10"})
    assert first.status_code == 200
    assert first.headers["Preference-Applied"] == "wait=10"
    seen = becomes(world, email_id, "delivered")
    assert timeline(seen) == ["queued", "sending", "delivered"]
    assert seen["personal"]["address"] == "ada@one.example"
    assert f"{seen['last_reply_code']} {seen['last_reply_text']}" == reply_to(world, "ada@one.example")
    assert_every_event_is_readable_and_traced(world, email_id, times=3)


def reply_to(world: World, recipient: str) -> str:
    """What the inbox answered to the end of the data."""
    attempts = world.inbox.get("/api/attempts").json()["attempts"]
    (attempt,) = [row for row in attempts if row["recipient"] == recipient and row["phase"] == "end_of_data"]
    return str(attempt["reply"])


def assert_every_event_is_readable_and_traced(world: World, email_id: str, *, times: int) -> None:
    found = about(world, "email.events", email_id)
    assert len(found) == times
    for record in found:
        headers = headers_of(record)
        assert headers["traceparent"] == TRACE.encode()
        event = from_binary_event(KafkaMessage(headers=headers, key=record.key(), value=record.value() or b""))
        data = event.get_data()
        assert isinstance(data, dict)
        assert (event.get_id(), event.get_type()) == (data["event_id"], data["type"])
        assert event.get_source() == "/postlog/sender"
        assert event.get_specversion() == "1.0"
        assert (time := event.get_time()) is not None and time.isoformat() == data["occurred_at"].replace("Z", "+00:00")


def test_the_mail_is_signed_and_says_where_it_belongs(world: World) -> None:
    email_id = send(world, "Łucja <lucja@one.example>", subject="Zażółć gęślą jaźń", html="<p>Cześć, Łucjo.</p>")
    becomes(world, email_id, "delivered")
    (row,) = mails(world, email_id)
    assert signatures(world, source(world, row)) == [True, True]
    found = mail(world, email_id)
    assert found["Message-ID"] == f"<{email_id}@acme.example>"
    assert found["Feedback-ID"] == "-:transactional:default:postlog"
    assert found["Subject"] == "Zażółć gęślą jaźń"
    keys = Keys.parse(world.stack.environment["POSTLOG_TOKEN_KEYS"])
    assert str(keys.verify_verp(verp_token(row))) == email_id


def test_every_attempt_has_the_same_message_id(world: World) -> None:
    email_id = send(world, "drop+one@one.example")  # takes each copy, and never says so
    assert timeline(becomes(world, email_id, "failed")).count("in_doubt") > 1
    copies = mails(world, email_id)
    assert len(copies) > 1
    assert {row["message_id"] for row in copies} == {f"{email_id}@acme.example"}
    assert len({source(world, row) for row in copies}) == 1, "the same email gives the same bytes in every attempt"


def verp_token(row: Json) -> str:
    """The token in an envelope sender."""
    local: str = row["mail_from"].partition("@")[0]
    return local.rpartition("+")[2]


def signatures(world: World, mail: bytes) -> list[bool]:
    """Whether each signature verifies, by dkimpy, against the keys that the stack's domain would publish."""
    domains = json.loads(world.stack.environment["POSTLOG_DKIM"])
    files = {key["selector"]: key["file"] for domain in domains for key in domain["keys"]}

    def published(name: bytes, timeout: int = 5) -> bytes:
        selector, _, domain = name.decode().partition("._domainkey.")
        assert domain == "acme.example."
        return dns_value(load_pem_private_key(Path(files[selector]).read_bytes(), None)).encode()  # type: ignore[arg-type]

    checker = dkim.DKIM(mail)
    count = len(message_from_bytes(mail).get_all("DKIM-Signature", []))
    return [checker.verify(number, dnsfunc=published) for number in range(count)]
