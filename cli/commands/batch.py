"""`postlog batch`: what became of a bulk request, and its cancellation. Over the API."""

import json
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from cli.api import Api
from shared.lifecycle import FINAL

app = typer.Typer(no_args_is_help=True, add_completion=False)

BATCH = Annotated[str, typer.Argument(help="The batch's id.")]
URL = Annotated[str, typer.Option(help="The API.", envvar="POSTLOG_URL")]
KEY = Annotated[str, typer.Option(help="An API key of the batch's tenant.", envvar="POSTLOG_KEY")]
LOCAL = "http://127.0.0.1:8080"


@app.callback()
def batch() -> None:
    """Show, watch and cancel batches; `postlog queue` pauses and resumes them."""


@app.command()
def show(
    batch: BATCH,
    *,
    key: KEY,
    url: URL = LOCAL,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Show a batch, with exact counts."""
    found = Api(url, key=key).call("GET", _path(batch))
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    table = Table("state", "emails")
    for name, emails in _rows(found):
        table.add_row(name, str(emails))
    Console().print(f"batch {found['batch_id']}: {_state(found)}", table)


@app.command()
def watch(batch: BATCH, *, key: KEY, url: URL = LOCAL) -> None:
    """Watch a batch until all of its emails are final; Ctrl-C ends the watching, not the batch."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[pace]}"))
    with Progress(*columns) as bar:
        task = bar.add_task("batch", total=None, pace="")
        for found in Api(url, key=key).watch(f"{_path(batch)}/progress", last="finished"):
            bar.update(task, total=found["acknowledged"], completed=_done(found), pace=_pace(found))
            bar.update(task, description=_state(found))
    typer.echo(f"batch {batch}: " + ", ".join(f"{emails} {name}" for name, emails in _rows(found)))


@app.command()
def cancel(
    batch: BATCH,
    *,
    key: KEY,
    url: URL = LOCAL,
    reason: Annotated[str | None, typer.Option(help="Why; it stands in an event.")] = None,
) -> None:
    """Cancel, for good, all of its emails that no attempt has begun for."""
    Api(url, key=key).call("POST", f"{_path(batch)}/cancel", json={"reason": reason} if reason else {})
    typer.echo(f"batch {batch}: cancelled; what is under way comes to its end")


def _path(batch: str) -> str:
    return f"/v1/batches/{quote(batch)}"


def _done(found: dict[str, Any]) -> int:
    return sum(emails for name, emails in found["counts"].items() if name in FINAL)


def _pace(found: dict[str, Any]) -> str:
    """How fast it goes, and how long it takes at that."""
    if found["rate"] is None:
        return ""
    left = found["eta_seconds"]
    return f"{found['rate']:g}/s" + ("" if left is None else f", {timedelta(seconds=round(left))} left")


def _rows(found: dict[str, Any]) -> list[tuple[str, int]]:
    """What the emails add up to: those not yet read first."""
    received = found["received"]
    return ([("received", received)] if received else []) + sorted(found["counts"].items())


def _state(found: dict[str, Any]) -> str:
    if found["cancelled"]:
        return "cancelled"
    said = "paused" if found["paused"] else "under way"
    if found["acknowledged"] is None:
        return f"{said}, still being accepted"
    return f"{said}, {found['acknowledged']} emails accepted, {found['refused']} refused"
