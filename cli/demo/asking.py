"""The demo asks: batches over HTTP, ten emails straight onto Kafka, one for later, one cancelled in time."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cli.demo.asked import Asked, Order
from cli.demo.clients import Api, ask_on_kafka
from cli.demo.customers import SENDER, TEMPLATE, Customer, batch_request, template_source
from cli.errors import CommandError

BATCH: Final = 100
ON_KAFKA: Final = 10
SOON: Final = timedelta(seconds=10)
FAR: Final = timedelta(hours=1)
Say = Callable[[str], None]


def ask(api: Api, brokers: str, customers: Sequence[Customer], *, say: Say) -> Order:
    """Ask for everything; returns what was asked for."""
    order = Order()
    api.put(f"/v1/templates/{TEMPLATE}", template_source())
    _for_later(api, order, say=say)
    for start in range(0, len(customers), BATCH):
        _batch(api, order, customers[start : start + BATCH])
    say(f"asked over HTTP for {len(customers)} invoices in {len(order.batches)} batches")
    _on_kafka(brokers, order)
    say(f"asked straight on Kafka for {ON_KAFKA} more")
    _cancelled(api, order, say=say)
    return order


def _for_later(api: Api, order: Order, *, say: Say) -> None:
    due = datetime.now(UTC) + SOON
    content = _plain("later@example.net", subject="Your appointment")
    email_id = api.post("/v1/emails", {**content, "send_at": due.isoformat()})["email_id"]
    order.add(Asked(email_id=email_id, address=content["to"], subject=content["subject"], due=due))
    say(f"scheduled one for {due:%H:%M:%S} UTC, in {SOON.seconds} s")


def _batch(api: Api, order: Order, customers: Sequence[Customer]) -> None:
    receipt = api.post("/v1/batches", batch_request(customers), key=f"invoices-from-{customers[0].row['invoice']}")
    batch_id = receipt["batch_id"]
    order.batches[batch_id] = receipt["acknowledged"]
    for item, customer in zip(receipt["emails"], customers, strict=True):
        if "email_id" not in item:
            raise CommandError(f"the API refused the invoice {customer.row['invoice']}: {item['problem']}")
        email_id, address, subject = item["email_id"], customer.email, customer.subject
        order.add(Asked(email_id=email_id, address=address, subject=subject, customer=customer, batch_id=batch_id))


def _on_kafka(brokers: str, order: Order) -> None:
    contents = [_plain(f"paid.{n}@example.org", subject=f"Receipt {n}") for n in range(1, ON_KAFKA + 1)]
    for email_id, content in zip(ask_on_kafka(brokers, contents), contents, strict=True):
        order.add(Asked(email_id=email_id, address=content["to"], subject=content["subject"]))


def _cancelled(api: Api, order: Order, *, say: Say) -> None:
    """Scheduled far ahead, so that the cancel is in time."""
    due = datetime.now(UTC) + FAR
    content = _plain("never@example.net", subject="Ordered twice")
    email_id = api.post("/v1/emails", {**content, "send_at": due.isoformat()})["email_id"]
    order.add(Asked(email_id=email_id, address=content["to"], subject=content["subject"], due=due))
    answer = api.post(f"/v1/emails/{email_id}/cancel", {"reason": "ordered twice"})
    order.cancelled(email_id)
    say(f"scheduled another for an hour later and cancelled it: {answer['status']}")


def _plain(address: str, *, subject: str) -> dict[str, Any]:
    return {"from": SENDER, "subject": subject, "text": f"{subject}. Thank you.", "to": address}
