"""A token and a hit become records: whole events, with keys, CloudEvents headers and ids that repeat."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from services.tracker.domain.hit import Hit
from services.tracker.handlers.records import Record, clicked, opened, unsubscribed
from shared.events import EmailClicked, EmailOpened, EmailUnsubscribed, SuppressionAdded, codec
from shared.ids import derived_id
from shared.records import Suppression, decode_suppression
from shared.tokens import EmailToken

EMAIL, BATCH, ID = derived_id("email"), derived_id("batch"), derived_id("event")
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
NOON = datetime(2026, 11, 24, 12, 0, 0, 123456, tzinfo=UTC)
HIT = Hit(at=NOON, method="HEAD", user_agent="Mozilla/5.0", ip="192.0.2.0")
TOKEN = EmailToken(
    email_id=EMAIL.bytes,
    tenant="acme",
    stream="broadcast",
    recipient_ref="ab" * 16,
    recipient_domain="example.org",
    batch_id=BATCH.bytes,
    list="offers",
    position=3,
    url="https://example.org/private?who=me",
)


def test_an_open() -> None:
    record = opened(TOKEN, HIT, event_id=ID)
    assert (record.topic, record.key) == ("email.events", str(EMAIL).encode())
    assert codec.decode(record.value) == EmailOpened(
        event_id=ID,
        occurred_at=NOON,
        tenant="acme",
        email_id=EMAIL,
        stream="broadcast",
        batch_id=BATCH,
        recipient_ref="ab" * 16,
        recipient_domain="example.org",
        method="HEAD",
        user_agent="Mozilla/5.0",
        ip="192.0.2.0",
    )


def test_a_click_names_the_link_by_its_place_and_not_by_its_address() -> None:
    record = clicked(TOKEN, HIT, event_id=ID, count=7)
    event = codec.decode(record.value)
    assert isinstance(event, EmailClicked)
    assert (event.link_position, event.count, event.method) == (3, 7, "HEAD")
    assert b"private" not in record.value


def test_headers_are_those_of_cloudevents() -> None:
    headers = dict(opened(TOKEN, HIT, event_id=ID).headers)
    assert headers == {
        "ce_id": str(ID).encode(),
        "ce_source": b"/postlog/tracker",
        "ce_type": b"email.opened",
        "ce_time": b"2026-11-24T12:00:00.123456+00:00",
        "ce_specversion": b"1.0",
        "content-type": b"application/json",
    }


def test_all_records_of_a_request_have_its_trace() -> None:
    hit = replace(HIT, traceparent=TRACE)
    fact, added, state = unsubscribed(TOKEN, hit, method="one_click")
    for record in (opened(TOKEN, hit, event_id=ID), clicked(TOKEN, hit, event_id=ID), fact, added):
        assert dict(record.headers)["traceparent"] == TRACE.encode()
    assert "traceparent" not in dict(state.headers)


def suppression(record: Record) -> Suppression:
    """What stands in a record of email.suppressions."""
    assert record.topic == "email.suppressions"
    return decode_suppression(record.value)


def test_leaving_a_list_is_a_fact_a_suppression_and_its_record() -> None:
    fact, added, state = unsubscribed(TOKEN, HIT, method="one_click")
    event, addition = codec.decode(fact.value), codec.decode(added.value)
    assert isinstance(event, EmailUnsubscribed)
    assert (event.method, event.list, event.email_id) == ("one_click", "offers", EMAIL)
    assert isinstance(addition, SuppressionAdded)
    assert (addition.scope, addition.reason) == ("list:offers", "unsubscribed")
    assert addition.causation_id == addition.causing_event_id == event.event_id
    assert (fact.key, added.key) == (str(EMAIL).encode(), b"ab" * 16)
    assert state.key == b"acme/list:offers/" + b"ab" * 16
    assert suppression(state) == Suppression(
        tenant="acme",
        scope="list:offers",
        recipient_ref="ab" * 16,
        reason="unsubscribed",
        causing_event_id=event.event_id,
        added_at=NOON,
    )


def test_without_a_list_the_stream_is_left() -> None:
    token = EmailToken(
        email_id=EMAIL.bytes, tenant="acme", stream="broadcast", recipient_ref="cd" * 16, recipient_domain="example.org"
    )
    assert suppression(unsubscribed(token, HIT, method="link")[2]).scope == "stream:broadcast"


def test_done_again_by_another_way_it_is_the_same_fact() -> None:
    def ids(records: tuple[Record, ...]) -> list[UUID]:
        return [codec.decode(record.value).event_id for record in records[:2]]

    first = unsubscribed(TOKEN, HIT, method="one_click")
    again = unsubscribed(TOKEN, Hit(at=datetime(2026, 12, 1, tzinfo=UTC)), method="link")
    assert ids(first) == ids(again)
    assert first[2].key == again[2].key
    assert len(set(ids(first))) == 2
