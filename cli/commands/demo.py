"""`postlog demo`: the main job on real input and real parts, every figure checked."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from cli.demo.place import leave_settings_behind, take_over
from cli.demo.story import run

app = typer.Typer(add_completion=False)

DATA = typer.Option(help="Where the demo's state is kept; emptied at each run.", file_okay=False)


@app.command()
def demo(
    data: Annotated[Path, DATA] = Path("data/demo"),
    *,
    customers: Annotated[int, typer.Option(min=20, max=300, help="How many customers of the file.")] = 300,
) -> None:
    """Send 300 invoices and more through real Kafka, PostgreSQL and SMTP; check every figure; rebuild the read models.

    It starts parts of its own, whatever the environment says of addresses and settings.
    Exit code 1 when any figure differs.
    """
    place = take_over(data)
    leave_settings_behind(place)
    found = asyncio.run(run(place, customers=customers, again=f"{_ourselves()} up --data {data}", say=typer.echo))
    if not all(check.holds for check in found):
        raise typer.Exit(1)


def _ourselves() -> str:
    """The command as it was called."""
    return sys.argv[0] if Path(sys.argv[0]).name == "postlog" else "postlog"
