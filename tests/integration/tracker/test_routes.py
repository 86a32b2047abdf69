"""Pixel, click and unsubscribe over real HTTP, with their events on real Kafka; forged tokens and other bad input."""

import socket
import time
from pathlib import Path
from typing import Any

import pytest

from cli.stack.ports import HOST
from shared.events import EmailClicked, EmailEvent, EmailOpened, EmailUnsubscribed, SuppressionAdded
from shared.ids import new_id
from shared.records import decode_suppression
from shared.redirect import MAX_TARGET
from shared.telemetry import traceparent
from shared.topics import SUPPRESSIONS
from tests.integration.tracker.stage import Log, Tracker, a_token, forged, path_of

pytestmark = pytest.mark.integration
GIF = b"GIF89a"
TRACE = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_a_pixel_is_an_open_with_what_the_token_and_the_reader_say(tracker: Tracker, log: Log) -> None:
    token = a_token(batch_id=new_id().bytes, tenant="acme")
    answer = tracker.ask(path_of("open", token), headers={"User-Agent": "Mail\u200ber/1.0".encode()})
    assert (answer.status, answer.headers["content-type"], len(answer.body)) == (200, "image/gif", 43)
    assert answer.body.startswith(GIF)
    assert "no-store" in answer.headers["cache-control"]
    (event,) = log.wait_for(1)
    assert isinstance(event, EmailOpened)
    assert (event.email_id, event.batch_id, event.tenant) == (token.email, token.batch, "acme")
    assert (event.recipient_ref, event.recipient_domain) == (token.recipient_ref, "example.org")
    assert (event.method, event.user_agent, event.ip, event.count) == ("GET", "Mailer/1.0", "127.0.0.0", 1)
    (record,) = log.records()
    headers: dict[str, Any] = dict(record.headers() or [])
    assert record.key() == str(token.email).encode()
    assert headers["ce_id"] == str(event.event_id).encode()
    assert (headers["ce_type"], headers["ce_source"]) == (b"email.opened", b"/postlog/tracker")
    assert traceparent(headers["traceparent"].decode()) == headers["traceparent"].decode(), "a trace begins here"


def test_the_trace_of_who_asks_is_carried_on(tracker: Tracker, log: Log) -> None:
    trace = {"traceparent": TRACE}
    tracker.ask(path_of("open", a_token()), headers=trace)
    tracker.ask(path_of("unsubscribe", a_token(stream="broadcast", list="offers")), "POST", headers=trace)
    log.wait_for(3)
    assert [dict(record.headers() or [])["traceparent"] for record in log.records()] == [TRACE] * 3


def test_a_click_leads_where_the_token_says_and_nowhere_else(tracker: Tracker, log: Log) -> None:
    token = a_token(url="https://example.org/pay?id=1&next=https://elsewhere.example", position=4)
    answer = tracker.ask(path_of("click", token) + "?url=https://evil.example")
    assert (answer.status, answer.headers["location"]) == (302, token.url)
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.body == b""
    (event,) = log.wait_for(1)
    assert isinstance(event, EmailClicked)
    assert (event.email_id, event.link_position) == (token.email, 4)


def test_the_longest_link_that_the_sender_tracks_is_followed(tracker: Tracker, log: Log) -> None:
    start = "https://example.org/"
    token = a_token(url=start + "x" * (MAX_TARGET - len(start)), tenant="t" * 64, batch_id=new_id().bytes)
    assert tracker.ask(path_of("click", token)).headers["location"] == token.url


def test_head_is_answered_like_get_and_told_as_head(tracker: Tracker, log: Log) -> None:
    pixel = tracker.ask(path_of("open", a_token()), "HEAD")
    click = tracker.ask(path_of("click", a_token(url="https://example.org/")), "HEAD")
    assert (pixel.status, pixel.headers["content-length"], pixel.body) == (200, "43", b"")
    assert (click.status, click.headers["location"]) == (302, "https://example.org/")
    events = log.wait_for(2)
    assert [event.method for event in events if isinstance(event, EmailOpened | EmailClicked)] == ["HEAD", "HEAD"]


def test_nothing_comes_of_tokens_that_are_not_ours(tracker: Tracker, log: Log) -> None:
    pixel, click, leave = (
        path_of("open", a_token()),
        path_of("click", a_token(url="https://example.org/")),
        path_of("unsubscribe", a_token(list="offers")),
    )
    genuine_gif = tracker.ask(path_of("open", a_token()))
    for path in (forged(pixel), pixel[:-5], "/o/", "/o/x", "/o/%00%ff", pixel + "/more", click.replace("/c/", "/o/")):
        answer = tracker.ask(path)
        assert (answer.status, answer.body) == (200, genuine_gif.body), path
        assert answer.headers.items() == genuine_gif.headers.items() or answer.headers["date"], path
    wrong = (forged(click), "/c/", "/c/x", pixel.replace("/o/", "/c/"), path_of("click", a_token(url="javascript:a")))
    for path in wrong:
        answer = tracker.ask(path)
        assert (answer.status, answer.headers["location"]) == (404, None), path
    for path in (forged(leave), "/u/", click.replace("/c/", "/u/")):
        assert tracker.ask(path).status == tracker.ask(path, "POST").status == 404, path
    marker = a_token()
    tracker.ask(path_of("open", marker))
    events = log.wait_for(2)
    assert len(events) == 2, "the genuine pixel and the marker"
    assert log.records(SUPPRESSIONS.name) == []


def test_unsubscribe_asks_before_it_does(tracker: Tracker, log: Log) -> None:
    path = path_of("unsubscribe", a_token(list='<b>"offers"'))
    page = tracker.ask(path)
    assert page.status == 200
    assert b'<form method="post">' in page.body
    assert b"&lt;b&gt;&quot;offers&quot;" in page.body
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert tracker.ask(path, "HEAD").status == 200
    tracker.ask(path_of("open", a_token()))
    assert [type(event) for event in log.wait_for(1)] == [EmailOpened], "neither GET nor HEAD changed anything"


@pytest.mark.parametrize(("body", "method"), [("List-Unsubscribe=One-Click", "one_click"), ("unsubscribe=yes", "link")])
def test_a_post_unsubscribes_without_cookie_login_or_redirect(
    tracker: Tracker, log: Log, body: str, method: str
) -> None:
    token = a_token(list="offers")
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answers = [tracker.ask(path_of("unsubscribe", token), "POST", body=body, headers=headers) for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 200]
    assert all(answer.headers["set-cookie"] is None for answer in answers)
    events = log.events()
    facts = [event for event in events if isinstance(event, EmailUnsubscribed)]
    added = [event for event in events if isinstance(event, SuppressionAdded)]
    assert (facts[0].method, facts[0].list, facts[0].email_id) == (method, "offers", token.email)
    assert (added[0].scope, added[0].recipient_ref) == ("list:offers", token.recipient_ref)
    assert len({event.event_id for event in facts}) == len({event.event_id for event in added}) == 1, "idempotent"
    keys = {record.key() for record in log.records(SUPPRESSIONS.name)}
    assert keys == {f"default/list:offers/{token.recipient_ref}".encode()}
    (state, *_) = log.records(SUPPRESSIONS.name)
    assert decode_suppression(state.value() or b"").causing_event_id == facts[0].event_id


def test_unsubscribing_without_a_list_leaves_the_stream(tracker: Tracker, log: Log) -> None:
    tracker.ask(path_of("unsubscribe", a_token()), "POST", body="List-Unsubscribe=One-Click")
    assert [event.scope for event in log.events() if isinstance(event, SuppressionAdded)] == ["stream:broadcast"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/o/x", 405),
        ("PUT", "/u/x", 405),
        ("DELETE", "/c/x", 405),
        ("OPTIONS", "/c/x", 405),
        ("GET", "/", 404),
        ("GET", "/favicon.ico", 404),
        ("GET", "/o", 200),
        ("GET", "/c/" + "x" * 9000, 414),
        ("GET", "/healthz", 200),
        ("GET", "/metrics", 200),
    ],
)
def test_addresses_and_methods(tracker: Tracker, method: str, path: str, status: int) -> None:
    answer = tracker.ask(path, method)
    assert answer.status == status
    assert (answer.headers["allow"] is not None) == (status == 405)


def test_a_body_has_bounds(tracker: Tracker, log: Log) -> None:
    path = path_of("unsubscribe", a_token())
    assert tracker.ask(path, "POST", body=b"x" * 5000).status == 413
    assert tracker.ask(path, "POST", body=iter([b"x" * 3000, b"y" * 3000]), encode_chunked=True).status == 413
    assert log.events() == []


def raw(tracker: Tracker, data: bytes) -> bytes:
    """What comes back until the tracker closes the connection."""
    with socket.create_connection((HOST, tracker.port), timeout=20) as connection:
        connection.sendall(data)
        found = b""
        while more := connection.recv(65536):
            found += more
        return found


def test_a_head_that_does_not_end_has_bounds(tracker: Tracker) -> None:
    endless = b"GET /o/x HTTP/1.1\r\nhost: x\r\nx-filler: " + b"a" * 40_000
    assert raw(tracker, endless).startswith(b"HTTP/1.1 431 ")
    began = time.monotonic()
    assert raw(tracker, b"GET /o/x HTTP/1.1\r\nhost: x\r\n") == b""
    assert 4 < time.monotonic() - began < 15
    assert raw(tracker, b"not HTTP at all\r\n\r\n").startswith(b"HTTP/1.1 400 ")
    assert tracker.ask("/healthz").status == 200


def test_a_body_that_does_not_come_is_not_waited_for(tracker: Tracker) -> None:
    path = path_of("unsubscribe", a_token()).encode()
    head = b"POST " + path + b" HTTP/1.1\r\nhost: x\r\ncontent-length: 26\r\n\r\nList-Uns"
    assert raw(tracker, head).startswith(b"HTTP/1.1 408 ")


def test_forwarded_addresses_are_believed_of_trusted_proxies_only(
    tracker: Tracker, kafka_url: str, topic_prefix: str, log: Log, tmp_path: Path
) -> None:
    forwarded = {"X-Forwarded-For": "203.0.113.9, 198.51.100.77, 127.0.0.1"}
    stranger, believed = a_token(), a_token()
    tracker.ask(path_of("open", stranger), headers=forwarded)
    (tmp_path / "second").mkdir()
    trusting = {"POSTLOG_TRUSTED_PROXIES": "127.0.0.0/8", "POSTLOG_IP_POLICY": "full"}
    with Tracker(kafka_url, topic_prefix, tmp_path / "second", **trusting) as second:
        second.ask(path_of("open", believed), headers=forwarded)
        addresses = {event.email_id: event.ip for event in log.wait_for(2) if isinstance(event, EmailOpened)}
    assert addresses == {stranger.email: "127.0.0.0", believed.email: "198.51.100.77"}


def test_more_than_a_thousand_hits_of_a_token_end_in_one_event_with_a_count(tracker: Tracker, log: Log) -> None:
    token = a_token()
    for _ in range(1030):
        tracker.ask(path_of("open", token))
    assert tracker.stop() == 0
    counts = [event.count for event in log.events() if isinstance(event, EmailOpened)]
    assert sorted(counts) == [1] * 1000 + [30]


def test_no_token_or_address_in_the_log_of_the_process(tracker: Tracker, log: Log) -> None:
    paths = [path_of("open", a_token()), forged(path_of("click", a_token(url="https://example.org/")))]
    for path in paths:
        tracker.ask(path)
    tracker.ask(path_of("unsubscribe", a_token()), "POST")
    assert tracker.stop() == 0
    assert all(path[3:] not in tracker.log() for path in paths)
    assert all(isinstance(event, EmailEvent | SuppressionAdded) for event in log.events())
    assert "127.0.0" not in tracker.log().replace('"host": "127.0.0.1"', "")


def test_ready_and_what_it_counts(tracker: Tracker, log: Log) -> None:
    ready = tracker.ask("/readyz")
    assert (ready.status, ready.body) == (200, b'{"ready": true, "checks": {"spool": "ok", "kafka": "ok"}}')
    tracker.ask(path_of("open", a_token()))
    tracker.ask(forged(path_of("open", a_token())))
    log.wait_for(1)
    metrics = tracker.ask("/metrics").body.decode()
    assert 'postlog_tracker_reports_total{kind="open",outcome="genuine"} 1.0' in metrics
    assert 'postlog_tracker_reports_total{kind="open",outcome="forged"} 1.0' in metrics
