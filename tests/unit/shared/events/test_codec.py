"""The codec: what is an event, what is none, and what this release is too old for."""

from typing import Any
from uuid import uuid4

import msgspec
import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st

from shared.events import EmailDelivered, EmailQueued, Event, codec
from shared.events.codec import UnknownFact, UnreadableRecord
from shared.events.upcasters import UPCASTERS
from tests import golden

EVENTS = [golden.decode(path) for path in golden.paths("events")]
QUEUED = golden.event(EmailQueued)
DOCUMENT: dict[str, Any] = msgspec.json.decode(codec.encode(QUEUED))


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"null",
        b"[]",
        b"\x00\xff",
        b"{}",
        b'{"type":1}',
        b'{"type":"SendEmail"}',
        b'{"type":"email.queued"}',
        b'{"type":"email.queued","version":0}',
        b'{"type":"email.queued","version":"1"}',
        b'{"type":"email.queued","nested":' + b"[" * 100_000,
        b'{"type":"email.queued","event_id":"' + b"x" * 1_000_000,
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_no_event(value: bytes | None) -> None:
    with pytest.raises(UnreadableRecord, match=r"not a"):
        codec.decode(value)


@given(st.binary(max_size=200))
def test_any_bytes_are_an_event_or_unreadable(value: bytes) -> None:
    with pytest.raises(UnreadableRecord):
        codec.decode(value)


@pytest.mark.parametrize(
    "change",
    [
        {"occurred_at": "2026-11-23T09:14:07"},
        {"occurred_at": 5},
        {"email_id": "not-a-uuid"},
        {"attempt": "1"},
        {"tags": "invoice"},
        {"sender": None},
    ],
    ids=str,
)
def test_a_wrong_field_is_unreadable_and_named(change: dict[str, Any]) -> None:
    with pytest.raises(UnreadableRecord, match=next(iter(change))):
        codec.decode(msgspec.json.encode(DOCUMENT | change))


@pytest.mark.parametrize(
    ("change", "kind", "version"),
    [({"type": "email.teleported"}, "email.teleported", 1), ({"version": 2}, "email.queued", 2)],
    ids=["type", "version"],
)
def test_a_fact_of_the_future_is_never_called_unreadable(change: dict[str, Any], kind: str, version: int) -> None:
    with pytest.raises(UnknownFact, match="upgrade") as caught:
        codec.decode(msgspec.json.encode(DOCUMENT | change))
    assert (caught.value.kind, caught.value.version) == (kind, version)


def test_a_field_that_a_later_release_added_is_ignored() -> None:
    assert codec.decode(msgspec.json.encode(DOCUMENT | {"added_later": 1})) == QUEUED


def test_times_keep_their_microseconds_and_are_utc() -> None:
    assert DOCUMENT["occurred_at"] == "2026-11-23T09:14:07.318204Z"


def test_an_old_version_is_lifted_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(UPCASTERS, ("email.queued", -1), lambda old: old | {"from": old["address"]})
    monkeypatch.setitem(UPCASTERS, ("email.queued", 0), lambda old: old | {"sender": old["from"]})
    old = {name: value for name, value in DOCUMENT.items() if name != "sender"}
    old |= {"version": -1, "address": "billing@acme.example"}
    assert codec.decode(msgspec.json.encode(old)) == QUEUED


def test_a_missing_step_is_unreadable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(UPCASTERS, ("email.queued", -1), lambda old: old)
    with pytest.raises(UnreadableRecord, match=r"email\.queued.*0"):
        codec.decode(msgspec.json.encode(DOCUMENT | {"version": -1}))


@pytest.mark.parametrize("event", EVENTS, ids=codec.event_type)
def test_the_cloudevents_sdk_reads_our_headers(event: Event) -> None:
    pairs = codec.headers(event, source="/postlog/sender", traceparent="00-" + "a" * 32 + "-" + "b" * 16 + "-01")
    headers = {name: value for name, value in pairs if isinstance(value, bytes)}
    assert len(headers) == len(pairs)
    message = KafkaMessage(headers=headers, key=codec.key(event), value=codec.encode(event))
    read = from_kafka(message, event_format=JSONFormat(), event_factory=CloudEvent)
    assert read.get_id() == str(event.event_id)
    assert read.get_type() == codec.event_type(event)
    assert read.get_source() == "/postlog/sender"
    assert read.get_time() == event.occurred_at
    assert read.get_specversion() == "1.0"
    assert read.get_datacontenttype() == "application/json"
    assert read.get_data() == msgspec.json.decode(codec.encode(event))


def test_trace_context_is_carried_only_when_there_is_one() -> None:
    assert "traceparent" not in dict(codec.headers(QUEUED, source="/postlog/sender"))


@pytest.mark.parametrize("event", EVENTS, ids=codec.event_type)
def test_a_key_keeps_in_order_what_belongs_together(event: Any) -> None:
    subject = next(name for name in ("email_id", "batch_id", "destination", "recipient_ref") if hasattr(event, name))
    assert codec.key(event) == str(getattr(event, subject)).encode()


def test_an_event_about_nothing_has_no_key() -> None:
    event = golden.event(EmailDelivered)
    with pytest.raises(TypeError, match="no key"):
        codec.key(Event(event_id=uuid4(), occurred_at=event.occurred_at, tenant="acme"))
