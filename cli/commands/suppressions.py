"""`postlog suppressions`: addresses that are not sent to. Over the API."""

import json
import sys
from collections.abc import Iterator
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from cli.api import KEY, LOCAL, URL, Api
from cli.errors import CommandError
from cli.suppression_files import exported, read_rows, write_csv

app = typer.Typer(no_args_is_help=True, add_completion=False)

RECIPIENT = Annotated[str, typer.Argument(help="An address, or its recipient_ref.")]
SCOPE = Annotated[str, typer.Option(help="tenant, stream:<stream> or list:<list>.")]
ONLY = Annotated[str | None, typer.Option("--scope", help="This scope only.")]
WHY = Annotated[str | None, typer.Option("--reason", help="This reason only.")]
AT_ONCE = 1000
SHOWN = ("recipient_ref", "scope", "reason", "added_at", "expires_at", "causing_event_id")


class Format(StrEnum):
    """How to export."""

    csv = "csv"
    ndjson = "ndjson"


@app.callback()
def suppressions() -> None:
    """Addresses that are not sent to."""


@app.command(name="list")
def show(
    recipient: Annotated[str | None, typer.Argument(help="An address, or its recipient_ref.")] = None,
    *,
    key: KEY,
    scope: ONLY = None,
    reason: WHY = None,
    limit: Annotated[int, typer.Option(min=1, max=AT_ONCE, help="At most so many.")] = 50,
    url: URL = LOCAL,
) -> None:
    """Show those in force; addresses are known by their keyed hash alone."""
    table = Table(*SHOWN)
    wanted = {"recipient": recipient, "scope": scope, "reason": reason}
    for row in next(_pages(Api(url, key=key), limit=limit, **wanted)):
        table.add_row(*("" if row[name] is None else str(row[name]) for name in SHOWN))
    Console().print(table)


@app.command()
def add(recipient: RECIPIENT, *, key: KEY, scope: SCOPE = "tenant", reason: str = "manual", url: URL = LOCAL) -> None:
    """Do not send to an address any more."""
    body = {"recipient": recipient, "scope": scope, "reason": reason}
    answer = Api(url, key=key).call("POST", "/v1/suppressions", json=body)
    typer.echo(f"{answer['recipient_ref']}: suppressed, {answer['scope']}")


@app.command()
def remove(recipient: RECIPIENT, *, key: KEY, scope: SCOPE = "tenant", url: URL = LOCAL) -> None:
    """An address may be sent to again."""
    Api(url, key=key).call("DELETE", "/v1/suppressions", params={"recipient": recipient, "scope": scope})
    typer.echo("removed")


@app.command(name="import")
def take(
    file: Annotated[Path, typer.Argument(help="CSV with a header, or NDJSON (.ndjson, .jsonl).")],
    *,
    key: KEY,
    url: URL = LOCAL,
) -> None:
    """Add those of a file: `recipient`, and `scope`, `reason`, `expires_at`, `causing_event_id` if they are known."""
    api, rows, added, refused = Api(url, key=key), read_rows(file), 0, 0
    while portion := list(islice(rows, AT_ONCE)):
        body = {"suppressions": [row for _, row in portion]}
        answer = api.call("POST", "/v1/suppressions/bulk", json=body)
        added, refused = added + answer["added"], refused + answer["refused"]
        for problem in answer["problems"]:
            line = portion[problem["index"]][0]
            typer.echo(f"line {line}: {problem['code']}: {problem['detail']}", err=True)
    typer.echo(f"{added} added, {refused} refused")
    if refused:
        raise CommandError(f"{refused} lines were refused; correct them and import them again")


@app.command()
def export(*, key: KEY, scope: ONLY = None, reason: WHY = None, form: Format = Format.csv, url: URL = LOCAL) -> None:
    """Write all in force to standard output, in a form that `import` takes."""
    pages = _pages(Api(url, key=key), limit=AT_ONCE, scope=scope, reason=reason)
    if form is Format.csv:
        write_csv(sys.stdout, pages)
        return
    for page in pages:
        for row in page:
            typer.echo(json.dumps(exported(row)))


def _pages(api: Api, **wanted: Any) -> Iterator[list[dict[str, Any]]]:
    given = {name: value for name, value in wanted.items() if value is not None}
    return (page["suppressions"] for page in api.pages("/v1/suppressions", **given))
