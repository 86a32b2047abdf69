"""The demo's checks: right figures hold, and any one that is tampered with is found."""

import json
from dataclasses import replace
from typing import Any

import pytest

from cli.demo.checks import Check, Evidence, checks, personal_data_in
from cli.demo.customers import batch_request, load_customers, template_source
from cli.demo.fold import fold
from cli.inbox.behaviours import BEHAVIOURS, behaviour_of

BATCH = "00000000-0000-7000-8000-00000000ba7c"
ASKED = {
    "e1": "reader+1@example.com",
    "e2": "hardbounce+2@example.com",
    "e3": "greylist+3@example.com",
    "e4": "x@y.example",
}


def fact(email_id: str, kind: str, number: int, **fields: Any) -> bytes:
    body = {"type": f"email.{kind}", "email_id": email_id, "event_id": f"{email_id}-{number}", **fields}
    return json.dumps(body).encode()


LOG = [
    *(fact(email_id, "queued", 0, batch_id=BATCH) for email_id in ("e1", "e2", "e3")),
    fact("e4", "queued", 0),
    fact("e4", "cancelled", 1),
    fact("e1", "sending", 1),
    fact("e1", "delivered", 2),
    fact("e1", "opened", 3),
    fact("e1", "clicked", 4),
    fact("e2", "sending", 1),
    fact("e2", "bounced", 2),
    fact("e3", "sending", 1),
    fact("e3", "deferred", 2),
    fact("e3", "sending", 3),
    fact("e3", "delivered", 4),
    fact("e3", "delivered", 4),
]


def view(status: str, *, read: bool = False) -> dict[str, Any]:
    at = "2026-11-24T08:00:00Z" if read else None
    return {"status": status, "opened_at": at, "clicked_at": at, "timeline": []}


def copy(email_id: str) -> dict[str, Any]:
    return {"message_id": f"{email_id}@acme.example", "accepted": True}


def attempt(phase: str, reply: str) -> dict[str, Any]:
    return {"phase": phase, "reply": reply}


COUNTS = {"accepted": 4, "delivered": 2, "bounced": 1, "failed": 0, "cancelled": 1, "opened": 1, "clicked": 1}
SEEN = Evidence(
    asked=ASKED,
    cancelled="e4",
    views={"e1": view("delivered", read=True), "e2": view("bounced"), "e3": view("delivered"), "e4": view("cancelled")},
    batches={BATCH: {"acknowledged": 3, "counts": {"delivered": 2, "bounced": 1}}},
    report={"total": COUNTS},
    stories=fold(LOG),
    arrived=[copy("e1"), copy("e3")],
    attempts=[
        attempt("end_of_data", "250 Ok"),
        attempt("rcpt_to", "550 5.1.1 no"),
        attempt("rcpt_to", "451 4.7.1 later"),
        attempt("end_of_data", "250 Ok"),
    ],
)


def wrong(seen: Evidence) -> list[Check]:
    return [check for check in checks(seen) if not check.holds]


def test_right_figures_hold() -> None:
    assert not wrong(SEEN)


@pytest.mark.parametrize(
    "tampered",
    [
        replace(SEEN, views={**SEEN.views, "e1": view("failed", read=True)}),
        replace(SEEN, views={**SEEN.views, "e1": view("delivered")}),
        replace(SEEN, views={**SEEN.views, "e3": view("delivered", read=True)}),
        replace(SEEN, batches={BATCH: {"acknowledged": 4, "counts": {"delivered": 2, "bounced": 1}}}),
        replace(SEEN, batches={BATCH: {"acknowledged": 3, "counts": {"delivered": 3}}}),
        replace(SEEN, report={"total": COUNTS | {"accepted": 3}}),
        replace(SEEN, report={"total": COUNTS | {"clicked": 2}}),
        replace(SEEN, stories={key: story for key, story in SEEN.stories.items() if key != "e1"}),
        replace(SEEN, arrived=[copy("e1")]),
        replace(SEEN, arrived=[*SEEN.arrived, copy("e1")]),
        replace(SEEN, arrived=[*SEEN.arrived, copy("e4")]),
        replace(SEEN, attempts=[*SEEN.attempts, attempt("rcpt_to", "451 4.7.1 later")]),
        replace(SEEN, stories=fold([*LOG, fact("e1", "queued", 9)])),
    ],
)
def test_each_tampered_figure_is_found(tampered: Evidence) -> None:
    assert wrong(tampered)


def test_personal_data_in_the_log_is_found() -> None:
    assert personal_data_in(LOG, words=["ada@example.com", "Ada"]) == []
    assert personal_data_in([*LOG, b'{"note": "for Ada"}'], words=["ada@example.com", "Ada"]) == ["Ada"]


def test_the_file_has_300_customers_whose_lines_add_up_and_every_behaviour() -> None:
    customers = load_customers(300)
    assert len(customers) == 300
    assert len({customer.row["invoice"] for customer in customers}) == 300
    for customer in customers:
        cents = sum(int(line["amount"].replace(".", "")) for line in customer.lines)
        assert f"{cents // 100}.{cents % 100:02}" == customer.row["total"]
    assert {behaviour_of(customer.email) for customer in customers} == set(BEHAVIOURS)


def test_requests_carry_template_variables_and_a_pdf() -> None:
    request = batch_request(load_customers(2))
    (attachment,) = request["emails"][0]["attachments"]
    assert attachment["filename"] == "2026-0001.pdf"
    assert request["defaults"]["template"] == "invoice"
    assert request["emails"][0]["variables"]["pay_url"].endswith("/2026-0001")
    assert "{{ pay_url }}" in template_source()["html"]
