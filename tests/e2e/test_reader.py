"""The reader: opens, clicks, leaves a list, by nothing but what stands in the mail that arrived."""

import re
from urllib.parse import urlsplit

import httpx2
import pytest

from cli.inbox.reader import look
from tests.e2e.asking import Json, becomes, mail, mails, send, source, until, view
from tests.e2e.world import World

pytestmark = pytest.mark.e2e
TARGET = "https://acme.example/orders/4711?a=1&b=%C3%A9"
PAGE = f'<p>See <a href="{TARGET.replace("&", "&amp;")}">your order</a>.</p>'
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


def test_opened_and_clicked(world: World) -> None:
    email_id = send(world, "reader+journey@reader.example", html=PAGE)
    seen = until(lambda: found if (found := view(world, email_id))["clicked_at"] and found["opened_at"] else None)
    assert seen["status"] == "delivered", "opened and clicked are times beside it"
    facts = {fact["type"]: fact for fact in seen["timeline"]}
    assert facts["email.opened"]["user_agent"] == "PostlogInboxReader/1.0"
    assert facts["email.clicked"]["link_position"] == 0
    assert [fact["occurred_at"] for fact in seen["timeline"]] == sorted(
        fact["occurred_at"] for fact in seen["timeline"]
    )


def test_the_link_leads_where_it_was_signed_to_lead(world: World) -> None:
    email_id = send(world, "link@reader.example", html=PAGE)
    becomes(world, email_id, "delivered")
    (row,) = mails(world, email_id)
    (link,) = look(source(world, row)).links
    assert urlsplit(link)[:2] == urlsplit(world.stack.addresses.tracker)[:2]
    answer = httpx2.get(link, params={"url": "https://evil.example/"}, follow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (302, TARGET)
    forged = httpx2.get(link[:-1] + ("A" if link[-1] != "A" else "B"), follow_redirects=False)
    assert forged.status_code == 404
    until(lambda: view(world, email_id)["clicked_at"])
    assert [fact["type"] for fact in view(world, email_id)["timeline"]].count("email.clicked") == 1


def broadcast(world: World, to: str, **more: str) -> str:
    return send(world, to, stream="broadcast", **({"list": "offers"} | more))


def test_one_click_unsubscribe(world: World) -> None:
    to = "leaver@reader.example"
    first = broadcast(world, to)
    becomes(world, first, "delivered")
    arrived = mail(world, first)
    assert arrived["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    (link,) = re.findall(r"<(https?://[^>]+)>", arrived["List-Unsubscribe"])
    asked = httpx2.get(link)
    assert (asked.status_code, asked.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    becomes(world, broadcast(world, to), "delivered")  # looking at the page has changed nothing
    assert suppressions(world, to) == []
    assert httpx2.post(link, data=ONE_CLICK).status_code == 200
    left = until(lambda: found if (found := view(world, first))["unsubscribed_at"] else None)
    assert left["status"] == "delivered"
    (fact,) = [fact for fact in left["timeline"] if fact["type"] == "email.unsubscribed"]
    assert (fact["method"], fact["list"]) == ("one_click", "offers")
    (suppression,) = until(lambda: suppressions(world, to))
    assert (suppression["scope"], suppression["reason"]) == ("list:offers", "unsubscribed")
    assert suppression["causing_event_id"] == fact["event_id"]
    becomes(world, broadcast(world, to), "suppressed")
    becomes(world, broadcast(world, to, list="news"), "delivered")
    becomes(world, send(world, to), "delivered")
    assert httpx2.post(link, data=ONE_CLICK).status_code == 200, "twice is as good as once"
    assert len(suppressions(world, to)) == 1


def suppressions(world: World, address: str) -> list[Json]:
    answer = world.api.get("/v1/suppressions", params={"recipient": address})
    assert answer.status_code == 200, answer.text
    found: list[Json] = answer.json()["suppressions"]
    return found
