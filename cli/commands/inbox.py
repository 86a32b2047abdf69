"""`postlog inbox …`: the SMTP inbox with addresses that behave."""

import asyncio
import json
import signal
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from cli.inbox.behaviours import BEHAVIOURS, Behaviour
from cli.inbox.inbox import Inbox

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.callback()
def inbox() -> None:
    """The SMTP inbox with addresses that behave."""


@app.command()
def behaviours(*, as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """Print the table of addresses that behave: NAME@… or NAME+anything@… at any domain."""
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in BEHAVIOURS], indent=2))
        return
    table = Table("address", "what the server does", "reply", "ends as")
    for row in BEHAVIOURS:
        table.add_row(f"{row.name}@…", row.does, _reply(row), row.status)
    Console().print(table)


@app.command()
def serve(
    *,
    smtp_port: Annotated[int, typer.Option(help="SMTP port.")] = 2525,
    http_port: Annotated[int, typer.Option(help="Port of the pages and the JSON.")] = 8025,
    data: Annotated[Path, typer.Option(help="Where mail is kept.", file_okay=False)] = Path("data/inbox"),
    slow_seconds: Annotated[
        float, typer.Option(help="How long slow@… takes.", envvar="POSTLOG_INBOX_SLOW_SECONDS")
    ] = 3.0,
    read_hosts: Annotated[str, typer.Option(help="Hosts that readers may call beside this machine, with commas.")] = "",
) -> None:
    """Serve until SIGTERM."""
    hosts = frozenset(filter(None, read_hosts.split(",")))
    box = Inbox(data, smtp_port=smtp_port, http_port=http_port, slow_seconds=slow_seconds, read_hosts=hosts)
    asyncio.run(_serve(box))


async def _serve(box: Inbox) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with box:
        await stop.wait()


def _reply(row: Behaviour) -> str:
    if row.reply is not None:
        where = "RCPT" if row.phase == "rcpt" else "end of data"
        return f"{row.reply} ({where}{', first only' if row.first_only else ''})"
    return "none" if row.drops else "250"
