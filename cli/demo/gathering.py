"""Collects the evidence: from the API, the log and the inbox, by their public interfaces."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from cryptography.hazmat.primitives.serialization import load_pem_private_key

from cli.demo.asked import Order
from cli.demo.checks.batches import KEYS
from cli.demo.clients import Api, Inbox
from cli.demo.evidence import Answers, Arrived, Evidence
from cli.demo.log import read_log
from cli.stack.stack import Stack
from shared.dkim import dns_value


def gather(stack: Stack, order: Order, *, api: Api, inbox: Inbox) -> Evidence:
    """Everything, once all is final."""
    return Evidence(
        order=order,
        answers=ask_again(api, order),
        records=read_log(stack.addresses.kafka),
        arrived=[Arrived(row=row, source=inbox.source(row["id"])) for row in inbox.messages()],
        attempts=inbox.attempts(),
        published=dict(_published(stack.environment)),
        tracker=stack.addresses.tracker,
    )


def ask_again(api: Api, order: Order) -> Answers:
    """All answers of the API that the demo checks."""
    return Answers(
        emails={email_id: api.get(f"/v1/emails/{email_id}") for email_id in order.emails},
        batches={batch_id: api.get(f"/v1/batches/{batch_id}") for batch_id in order.batches},
        reports={by: api.get("/v1/reports/summary", by=by) for by in KEYS},
        suppressed=frozenset(_suppressed(api)),
    )


def _suppressed(api: Api) -> Iterator[str]:
    page = api.get("/v1/suppressions", limit=200)
    yield from (row["recipient_ref"] for row in page["suppressions"])
    while page["next_cursor"]:
        page = api.get("/v1/suppressions", limit=200, cursor=page["next_cursor"])
        yield from (row["recipient_ref"] for row in page["suppressions"])


def _published(environment: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    """The records that `postlog dkim` says to put into the DNS, by name."""
    for domain in json.loads(environment["POSTLOG_DKIM"]):
        for key in domain["keys"]:
            private = load_pem_private_key(Path(key["file"]).read_bytes(), None)
            name = f"{key['selector']}._domainkey.{domain['domain']}"
            yield name, dns_value(private).encode()  # type: ignore[arg-type]
