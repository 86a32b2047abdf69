"""The demo's story: start, ask, watch, check, rebuild."""

import asyncio
import json
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from pathlib import Path
from typing import Any, Final

import dkim
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cli.demo import show
from cli.demo.checks import FINAL, Check, Evidence, checks, personal_data_in
from cli.demo.clients import Api, Inbox, ask_on_kafka, read_log
from cli.demo.customers import SENDER, TEMPLATE, Customer, batch_request, load_customers, template_source
from cli.demo.fold import fold
from cli.errors import CommandError
from cli.stack.process import run as run_command
from cli.stack.programs import POSTLOG
from cli.stack.stack import Stack
from shared.dkim import dns_value

Json = dict[str, Any]
BATCH: Final = 100
WIDTH: Final = 110  # of a log file
ON_KAFKA: Final = 10
PATIENCE: Final = 120.0  # seconds for everything to become final
SETTINGS: Final = {
    "POSTLOG_TRANSACTIONAL_RETRY__FIRST_SECONDS": "1",
    "POSTLOG_TRANSACTIONAL_RETRY__FACTOR": "1.5",
    "POSTLOG_TRANSACTIONAL_RETRY__ATTEMPTS": "3",
    "POSTLOG_TRANSACTIONAL_RETRY__IN_DOUBT_RETRIES": "1",
    "POSTLOG_DESTINATION_IN_FLIGHT": "20",
    "POSTLOG_INBOX_SLOW_SECONDS": "2",
    "POSTLOG_BOUNCE_DOMAIN": "bounces.acme.example",
    "POSTLOG_LOG_LEVEL": "warning",
}


class Demo:
    """One run of the story on a running stack."""

    def __init__(self, stack: Stack, console: Console, customers: list[Customer]) -> None:
        self._stack = stack
        self._console = console
        self._customers = customers
        self._asked: dict[str, str] = {}
        self._batches: list[str] = []
        self._cancelled = ""
        self._due = datetime.now(UTC)
        self._scheduled = ""

    async def tell(self) -> list[Check]:
        """The whole story; returns every check."""
        key = (await self._postlog("keys", "create", "--name", "demo")).strip()
        api, inbox = Api(self._stack.addresses.api, key), Inbox(str(self._stack.addresses.inbox))
        try:
            await asyncio.to_thread(self._ask, api)
            await asyncio.to_thread(self._watch, api)
            seen, values = await asyncio.to_thread(self._look, api, inbox)
            found = [*checks(seen), *self._more_checks(seen, values, inbox)]
            self._show(seen, api)
        finally:
            api.close()
            inbox.close()
        found.append(await self._rebuild())
        return found

    def _ask(self, api: Api) -> None:
        """Batches over HTTP, ten emails straight onto Kafka, one scheduled, one cancelled in time."""
        source = template_source()
        api.put(f"/v1/templates/{TEMPLATE}", source)
        for start in range(0, len(self._customers), BATCH):
            part = self._customers[start : start + BATCH]
            receipt = api.post("/v1/batches", batch_request(part), key=f"invoices-{start}")
            self._batches.append(receipt["batch_id"])
            for item, customer in zip(receipt["emails"], part, strict=True):
                self._asked[item["email_id"]] = customer.email
        said = f"{len(self._customers)} invoices in {len(self._batches)} batches"
        self._console.print(f"asked over HTTP for {said}")
        self._ask_on_kafka()
        self._ask_for_later(api)

    def _ask_on_kafka(self) -> None:
        contents = [
            {
                "from": SENDER,
                "subject": f"Receipt {n}",
                "text": f"Thank you for payment {n}.",
                "to": f"paid.{n}@example.org",
            }
            for n in range(ON_KAFKA)
        ]
        ids = ask_on_kafka(self._stack.addresses.kafka, contents)
        self._asked |= {str(email_id): content["to"] for email_id, content in zip(ids, contents, strict=True)}
        self._console.print(f"asked straight on Kafka for {ON_KAFKA} more")

    def _ask_for_later(self, api: Api) -> None:
        self._due = datetime.now(UTC) + timedelta(seconds=10)
        later = {"from": SENDER, "subject": "Your appointment", "text": "See you soon.", "to": "later@example.net"}
        self._scheduled = api.post("/v1/emails", {**later, "send_at": self._due.isoformat()})["email_id"]
        far = (self._due + timedelta(hours=1)).isoformat()
        self._cancelled = api.post("/v1/emails", {**later, "to": "never@example.net", "send_at": far})["email_id"]
        self._asked |= {self._scheduled: "later@example.net", self._cancelled: "never@example.net"}
        api.get(f"/v1/emails/{self._cancelled}")
        answer = api.post(f"/v1/emails/{self._cancelled}/cancel", {"reason": "ordered twice"})
        self._console.print(f"scheduled one for {self._due:%H:%M:%S} UTC, and cancelled another: {answer['status']}")

    def _watch(self, api: Api) -> None:
        """Progress until every email is final and every reader has read."""
        readers = sum(customer.behaviour.reads for customer in self._customers)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self._console) as progress:
            final = progress.add_task("final", total=len(self._asked))
            clicked = progress.add_task("clicked", total=readers)
            _until(lambda: self._progress(api, progress, final, clicked))

    def _progress(self, api: Api, progress: Progress, final: Any, clicked: Any) -> bool:
        total = api.get("/v1/reports/summary", by="day")["total"]
        progress.update(final, completed=sum(total[name] for name in FINAL if name in total))
        progress.update(clicked, completed=total["clicked"])
        return all(task.completed >= (task.total or 0) for task in progress.tasks)

    def _look(self, api: Api, inbox: Inbox) -> tuple[Evidence, list[bytes]]:
        values = read_log(self._stack.addresses.kafka)
        seen = Evidence(
            asked=self._asked,
            cancelled=self._cancelled,
            views={email_id: api.get(f"/v1/emails/{email_id}") for email_id in self._asked},
            batches={batch_id: api.get(f"/v1/batches/{batch_id}") for batch_id in self._batches},
            report=api.get("/v1/reports/summary", by="day"),
            stories=fold(values),
            arrived=inbox.messages(),
            attempts=inbox.attempts(),
        )
        return seen, values

    def _more_checks(self, seen: Evidence, values: list[bytes], inbox: Inbox) -> list[Check]:
        words = [word for customer in self._customers for word in (customer.email, customer.row["name"])]
        arrived = [row["time"] for row in seen.arrived if row["message_id"].startswith(self._scheduled)]
        early = sum(datetime.fromisoformat(at) < self._due for at in arrived)
        sample = [row["id"] for row in seen.arrived][:: max(1, len(seen.arrived) // 20)]
        signed = sum(self._verifies(inbox.source(number)) for number in sample)
        return [
            Check(
                figure="the scheduled email: copies before its time, copies",
                expected=[0, 1],
                found=[early, len(arrived)],
            ),
            Check(figure=f"DKIM signatures that verify, of {len(sample)} mails", expected=len(sample), found=signed),
            Check(
                figure=f"addresses and names in {len(values)} records of email.events",
                expected=[],
                found=personal_data_in(values, words=words),
            ),
        ]

    def _verifies(self, source: bytes) -> bool:
        """Both signatures, by dkimpy, against the keys that the stack's own domain publishes."""
        domains = json.loads(self._stack.environment["POSTLOG_DKIM"])
        keys = {key["selector"]: Path(key["file"]).read_bytes() for domain in domains for key in domain["keys"]}

        def published(name: bytes, timeout: int = 5) -> bytes:
            selector = name.decode().partition("._domainkey.")[0]
            return dns_value(load_pem_private_key(keys[selector], None)).encode()  # type: ignore[arg-type]

        signatures = len(message_from_bytes(source).get_all("DKIM-Signature", []))
        checker = dkim.DKIM(source)
        return signatures == len(keys) and all(checker.verify(n, dnsfunc=published) for n in range(signatures))

    def _show(self, seen: Evidence, api: Api) -> None:
        best = max(seen.views.values(), key=lambda view: len(view["timeline"]) * bool(view["clicked_at"]))
        show.timeline(self._console, best)
        show.batches(self._console, seen.batches)
        show.report(self._console, api.get("/v1/reports/summary", by="template"), by="template")
        addresses = self._stack.addresses
        self._console.print(f"inbox: {addresses.inbox}   API docs: {addresses.api}/docs")

    async def _rebuild(self) -> Check:
        """Throw the read models away and make them again from the log; nothing is sent."""
        said = await self._postlog("replay")
        self._console.rule("Rebuilt from the log")
        self._console.print(said.strip())
        return Check(figure="postlog replay: hashes of all tables equal", expected=True, found="equal" in said)

    async def _postlog(self, *command: str) -> str:
        doing = f"postlog {' '.join(command)}"
        return await run_command((*POSTLOG, *command), doing=doing, environment=self._stack.environment)


async def run(data: Path, *, customers: int, settings: Mapping[str, str], say: Callable[[str], None]) -> bool:
    """Start the stack, tell the story, print the checks; whether all hold."""
    console = Console() if sys.stdout.isatty() else Console(width=WIDTH)
    async with Stack(data, settings={**SETTINGS, **settings}, say=say, durable=False) as stack:
        begun = time.monotonic()
        found = await Demo(stack, console, load_customers(customers)).tell()
        show.figures(console, found)
        wrong = sum(not check.holds for check in found)
        verdict = f"{len(found)} figures checked, {wrong} differ; {time.monotonic() - begun:.0f} s"
        console.print(f"[bold red]{verdict}[/]" if wrong else f"[bold green]{verdict}[/]")
    return wrong == 0


def _until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not done():
        if time.monotonic() > deadline:
            raise CommandError(f"not everything was final and read after {PATIENCE:.0f} s")
        time.sleep(0.3)
