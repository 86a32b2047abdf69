"""`postlog batch`: a file of emails sent, what became of a bulk request, and its cancellation. Over the API."""

import json
import secrets
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from cli import sending
from cli.api import KEY, LOCAL, URL, Api, Json
from shared.lifecycle import FINAL

app = typer.Typer(no_args_is_help=True, add_completion=False)

BATCH = Annotated[str, typer.Argument(help="The batch's id.")]

SOME_REFUSED = 3
SHOWN = 20


class Stream(StrEnum):
    """The two streams."""

    transactional = "transactional"
    broadcast = "broadcast"


@app.callback()
def batch() -> None:
    """Send, show, watch, slow and cancel batches; `postlog queue` pauses and resumes them."""


@app.command()
def send(
    file: Annotated[Path, typer.Argument(help="NDJSON or CSV, also .gz; - is standard input.")],
    *,
    key: KEY,
    url: URL = LOCAL,
    sender: Annotated[str | None, typer.Option("--from", help="Whom the emails come from.")] = None,
    template: Annotated[str | None, typer.Option(help="The template of all emails.")] = None,
    list_name: Annotated[str | None, typer.Option("--list", help="The list of all emails.")] = None,
    stream: Annotated[Stream | None, typer.Option(help="The stream of all emails.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="A tag of all emails; may be repeated.")] = None,
    reference: Annotated[str | None, typer.Option(help="Your own name for the batch.")] = None,
    form: Annotated[str | None, typer.Option("--format", help="ndjson or csv, when the name does not say it.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, send nothing.")] = False,
    batch_key: Annotated[
        str | None, typer.Option("--batch-key", help="Idempotency-Key: the same file under it goes on, never twice.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Send an email a line. Exit code 0: all accepted; 3: some lines refused, the others are sent; 1: nothing is said.

    CSV: the first row names the columns; one is `to`, and each that is not reserved is a variable of the template.
    """
    said = {"from": sender, "template": template, "list": list_name, "stream": stream, "reference": reference}
    query = {name: str(value) for name, value in said.items() if value is not None} | {"tags": tag or []}
    if dry_run:
        query["dry_run"] = "true"
    receipt = sending.send(
        Api(url, key=key),
        file,
        form=sending.form_of(file, form),
        query=query,
        key=batch_key or f"cli-{secrets.token_hex(12)}",
        told=lambda text: typer.echo(text, err=True),
    )
    typer.echo(json.dumps(receipt, indent=2) if as_json else "\n".join(_receipt(receipt)))
    if receipt["refused"]:
        raise typer.Exit(SOME_REFUSED)


@app.command()
def rejections(batch: BATCH, *, key: KEY, url: URL = LOCAL) -> None:
    """Show every line that was refused, and why: JSON, one a line."""
    for page in Api(url, key=key).pages(f"{_path(batch)}/rejections"):
        for one in page["rejections"]:
            typer.echo(json.dumps(one))


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


@app.command()
def rate(
    batch: BATCH,
    emails: Annotated[
        float | None, typer.Argument(help="Emails a second; without it as fast as it goes.", min=0.001)
    ] = None,
    *,
    key: KEY,
    url: URL = LOCAL,
) -> None:
    """Send at most so many of its emails a second, over all senders."""
    Api(url, key=key).call("PATCH", _path(batch), json={"max_rate": emails})
    typer.echo(f"batch {batch}: " + ("no rate of its own" if emails is None else f"at most {emails:g} emails a second"))


def _receipt(receipt: Json) -> list[str]:
    """The receipt, and the first lines that were refused."""
    batch, refused = receipt["batch_id"], receipt["rejections"]
    how = " (only checked)" if receipt["dry_run"] else ""
    again = receipt["resumed_from"]
    told = [f"batch {batch}{how}: {receipt['acknowledged']} emails accepted, {receipt['refused']} refused"]
    told += [f"  {again} of them had been taken before"] if again is not None else []
    told += [f"  line {one['line']}: {one['code']}{_field(one)}: {one['detail']}" for one in refused[:SHOWN]]
    return told + ([f"  … all: postlog batch rejections {batch}"] if receipt["refused"] > SHOWN else [])


def _field(one: Json) -> str:
    return f" ({one['field']})" if "field" in one else ""


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
