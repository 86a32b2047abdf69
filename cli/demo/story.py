"""The demo's story: start, ask, watch, check, rebuild."""

import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from rich.console import Console

from cli.demo import rebuild, show
from cli.demo.asked import SETTINGS
from cli.demo.asking import ask
from cli.demo.checks import checks
from cli.demo.checks.figure import Check
from cli.demo.clients import Api, Inbox
from cli.demo.customers import Customer, load_customers
from cli.demo.evidence import Evidence
from cli.demo.gathering import ask_again, gather
from cli.demo.watching import watch
from cli.errors import CommandError
from cli.stack.addresses import NOTHING_GIVEN
from cli.stack.process import run as run_command
from cli.stack.programs import POSTLOG
from cli.stack.stack import Stack

WIDTH: Final = 120  # of a log file


class Demo:
    """One run of the story on a running stack."""

    def __init__(self, stack: Stack, console: Console) -> None:
        self._stack = stack
        self._console = console

    async def tell(self, customers: list[Customer]) -> list[Check]:
        """The whole story; returns every check."""
        key = (await self._postlog("keys", "create", "--name", "demo")).strip()
        api, inbox = Api(self._stack.addresses.api, key), Inbox(str(self._stack.addresses.inbox))
        try:
            seen = await asyncio.to_thread(self._send, customers, api, inbox)
            self._show(seen)
            found = await asyncio.gather(asyncio.to_thread(checks, seen), self._rebuild(seen, api, inbox))
            return [check for part in found for check in part]
        finally:
            api.close()
            inbox.close()

    def _send(self, customers: list[Customer], api: Api, inbox: Inbox) -> Evidence:
        order = ask(api, self._stack.addresses.kafka, customers, say=self._console.print)
        if not watch(api, order, console=self._console):
            self._console.print("[bold red]not everything was final and read in time: the figures will differ[/]")
        return gather(self._stack, order, api=api, inbox=inbox)

    def _show(self, seen: Evidence) -> None:
        views = seen.answers.emails.values()
        show.timeline(self._console, max(views, key=lambda view: (bool(view["clicked_at"]), len(view["timeline"]))))
        show.batches(self._console, seen.answers.batches)
        show.report(self._console, seen.answers.reports["template"], by="template")
        show.report(self._console, seen.answers.reports["recipient_domain"], by="recipient_domain")

    async def _rebuild(self, seen: Evidence, api: Api, inbox: Inbox) -> list[Check]:
        """Make the read models again from the log; nothing is sent."""
        self._console.rule("Read models rebuilt from the log")
        try:
            self._console.print((await self._postlog("replay")).strip(), highlight=False)
        except CommandError as error:
            self._console.print(str(error), style="bold red", markup=False)
        before, after = rebuild.tables(self._stack.addresses.database_url)
        rebuilt = rebuild.Rebuilt(
            tables_before=before,
            tables_after=after,
            answers_before=seen.answers,
            answers_after=await asyncio.to_thread(ask_again, api, seen.order),
            attempts_before=len(seen.attempts),
            attempts_after=len(inbox.attempts()),
        )
        return rebuild.checks(rebuilt)

    async def _postlog(self, *command: str) -> str:
        doing = f"postlog {' '.join(command)}"
        return await run_command((*POSTLOG, *command), doing=doing, environment=self._stack.environment)


async def run(data: Path, *, customers: int, again: str, say: Callable[[str], None]) -> list[Check]:
    """Start a stack of the demo's own, tell the story, print the checks and return them.

    `again` is the command that starts the same stack once more, for those who want to look around.
    """
    begun = time.monotonic()
    chosen = load_customers(customers)
    console = Console() if sys.stdout.isatty() else Console(width=WIDTH)
    async with Stack(data, settings=SETTINGS, given=NOTHING_GIVEN, say=say, durable=False) as stack:
        started = time.monotonic() - begun
        found = await Demo(stack, console).tell(chosen)
        inbox, docs = stack.addresses.inbox, f"{stack.addresses.api}/docs"
    show.figures(console, found)
    console.print(f"Stopped and kept; to look around: {again}\n  inbox {inbox}   API {docs}", highlight=False)
    show.verdict(console, found, took=f"{time.monotonic() - begun:.0f} s, {started:.0f} of them to start")
    return found
