"""A small run of the demo as it should come out: eight emails, every side agreeing with every other."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from functools import cache
from typing import Any

import dkim

from cli.demo.asked import Asked, Order
from cli.demo.customers import Customer, load_customers
from cli.demo.evidence import Answers, Arrived, Evidence
from cli.demo.log import Record
from shared.dkim import generate_key

BEGIN = datetime(2026, 11, 24, 8, tzinfo=UTC)
DUE = BEGIN + timedelta(seconds=10)
BATCH = "00000000-0000-7000-8000-00000000ba7c"
TRACKER = "http://127.0.0.1:8081"
Steps = tuple[tuple[str, dict[str, Any]], ...]

SENT: Steps = (("sending", {}), ("delivered", {}))
READ: Steps = (*SENT, ("opened", {}), ("clicked", {}))
LATER = {"retry_at": BEGIN.isoformat()}
REFUSED: Steps = (("sending", {}), ("deferred", LATER))
DOUBTED: Steps = (("sending", {}), ("in_doubt", {}))
UNKNOWN = "550 5.1.1 <{}>: user unknown"
OK = "250 2.0.0 Ok: taken"


@dataclass(frozen=True, kw_only=True)
class Case:
    """One email: what is asked, the facts after `queued`, the inbox's replies, how many mails it keeps of it."""

    asked: Asked
    facts: Steps
    replies: tuple[str, ...]
    mails: int = 1
    seconds: float = 1


def invoice(address: str, *, number: int) -> Asked:
    first = load_customers(number)[-1]
    customer = Customer(row={**first.row, "email": address}, lines=first.lines)
    return Asked(email_id=f"e{number}", address=address, subject=customer.subject, customer=customer, batch_id=BATCH)


def plain(address: str, *, email_id: str, **more: Any) -> Asked:
    return Asked(email_id=email_id, address=address, subject=f"About {email_id}", **more)


CASES = (
    Case(asked=invoice("reader+1@example.com", number=1), facts=READ, replies=(OK,)),
    Case(
        asked=invoice("hardbounce+2@example.com", number=2),
        facts=(("sending", {}), ("bounced", {})),
        replies=(UNKNOWN,),
        mails=0,
    ),
    Case(
        asked=invoice("greylist+3@example.com", number=3),
        facts=(*REFUSED, *SENT),
        replies=("451 4.7.1 greylisted, try again later", OK),
    ),
    Case(
        asked=invoice("drop+4@example.com", number=4),
        facts=(*DOUBTED, ("resolved", {"decision": "retry", **LATER}), *DOUBTED, ("failed", {})),
        replies=("dropped", "dropped"),
        mails=2,
    ),
    Case(
        asked=invoice("defer+5@example.com", number=5),
        facts=(*REFUSED, *REFUSED, ("sending", {}), ("failed", {})),
        replies=("451 4.3.0 try again later",) * 3,
        mails=0,
    ),
    Case(asked=plain("paid.1@example.org", email_id="e6"), facts=SENT, replies=(OK,)),
    Case(asked=plain("later@example.net", email_id="e7", due=DUE), facts=SENT, replies=(OK,), seconds=11),
    Case(
        asked=plain("never@example.net", email_id="e8", due=DUE, cancelled=True),
        facts=(("cancelled", {}),),
        replies=(),
        mails=0,
    ),
)


def evidence() -> Evidence:
    """All of it."""
    order = Order(batches={BATCH: 5})
    order.add(*(case.asked for case in CASES))
    return Evidence(
        order=order,
        answers=answers(),
        records=[record for case in CASES for record in records_of(case)],
        arrived=list(mails()),
        attempts=[attempt for case in CASES for attempt in attempts_of(case)],
        published={name: record for name, (_, record) in keys().items()},
        tracker=TRACKER,
    )


def answers() -> Answers:
    """What the API says."""
    counts = {"delivered": 4, "bounced": 1, "failed": 2, "cancelled": 1, "deferred": 2, "opened": 1, "clicked": 1}
    of_invoices = {"accepted": 5, "delivered": 2, "bounced": 1, "failed": 2, "deferred": 2, "opened": 1, "clicked": 1}
    total = {"accepted": 8, "suppressed": 0, **counts}
    rows = {
        "day": {BEGIN.date().isoformat(): total},
        "template": {"invoice": of_invoices},
        "tag": {"invoice": of_invoices},
        "recipient_domain": {
            "example.com": of_invoices,
            "example.org": {"accepted": 1, "delivered": 1},
            "example.net": {"accepted": 2, "delivered": 1, "cancelled": 1},
        },
    }
    return Answers(
        emails={case.asked.email_id: view(case) for case in CASES},
        batches={BATCH: {"acknowledged": 5, "received": 0, "counts": {"delivered": 2, "bounced": 1, "failed": 2}}},
        reports={
            by: {"rows": [{"key": key, "counts": row} for key, row in found.items()], "total": total}
            for by, found in rows.items()
        },
        suppressed=frozenset({"ref-e2"}),
    )


def view(case: Case) -> dict[str, Any]:
    """What the API says about one email."""
    read = BEGIN.isoformat() if case.asked.behaviour.reads else None
    said = case.replies[-1].replace("<{}>", "<recipient>") if case.replies else ""
    code, _, text = said.partition(" ") if said not in ("", "dropped") else ("", "", "")
    return {
        "status": case.asked.status,
        "attempts": case.asked.attempts,
        "opened_at": read,
        "clicked_at": read,
        "last_reply_code": int(code) if code else None,
        "last_reply_text": text or None,
        "timeline": [],
    }


def fact(email_id: str, kind: str, *, number: int, seconds: float, **fields: Any) -> Record:
    """A record of the log."""
    at = BEGIN + timedelta(seconds=seconds)
    body = {
        "type": f"email.{kind}",
        "email_id": email_id,
        "event_id": f"{email_id}-{number}",
        "occurred_at": at.isoformat(),
        **fields,
    }
    return Record(key=email_id.encode(), value=json.dumps(body).encode(), headers=(b"ce_type", b"email"))


def records_of(case: Case) -> Iterator[Record]:
    """The email's facts."""
    asked = case.asked
    domain = asked.address.rpartition("@")[2]
    about: dict[str, Any] = {"recipient_domain": domain, "recipient_ref": f"ref-{asked.email_id}"}
    if asked.customer:
        about |= {"batch_id": BATCH, "template": "invoice", "tags": ["invoice"]}
    if asked.due:
        about["send_at"] = asked.due.isoformat()
    yield fact(asked.email_id, "queued", number=0, seconds=0, **about)
    for number, (kind, fields) in enumerate(case.facts, 1):
        yield fact(asked.email_id, kind, number=number, seconds=case.seconds, **fields)


def attempts_of(case: Case) -> Iterator[dict[str, Any]]:
    """What the inbox answered."""
    for reply in case.replies:
        yield {"recipient": case.asked.address, "phase": "rcpt_to", "reply": reply.format(case.asked.address)}


def mails() -> Iterator[Arrived]:
    """What the inbox keeps."""
    number = 0
    for case in CASES:
        for _ in range(case.mails):
            number += 1
            row = {
                "id": number,
                "time": (BEGIN + timedelta(seconds=case.seconds)).isoformat(),
                "message_id": f"{case.asked.email_id}@acme.example",
                "recipients": [case.asked.address],
                "accepted": not case.asked.behaviour.drops,
            }
            yield Arrived(row=row, source=source_of(case.asked))


@cache
def keys() -> dict[str, tuple[bytes, bytes]]:
    """The domain's keys: the private one, and the record that publishes it."""
    pem, record = generate_key("rsa-sha256")
    return {"local._domainkey.acme.example": (pem, record.encode())}


def source_of(asked: Asked) -> bytes:
    """A signed mail."""
    customer = asked.customer
    mail = EmailMessage()
    mail["From"] = "Seaside Joinery <invoices@acme.example>"
    mail["To"] = f'"{customer.name}" <{asked.address}>' if customer else asked.address
    mail["Subject"] = asked.subject
    mail.set_content("Thank you.")
    if customer:
        page = f'<img src="{TRACKER}/o/x"><a href="{TRACKER}/c/x">Pay</a>'
        mail.add_alternative(page, subtype="html")
        mail.add_attachment(customer.pdf, maintype="application", subtype="pdf", filename="invoice.pdf")
    raw = mail.as_bytes().replace(b"\n", b"\r\n")
    pem, _ = keys()["local._domainkey.acme.example"]
    signature: bytes = dkim.sign(raw, b"local", b"acme.example", pem)
    return signature + raw
