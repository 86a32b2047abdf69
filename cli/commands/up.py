"""`postlog up`: the whole stack, until Ctrl-C."""

import asyncio
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.stack.claim import AlreadyRunning
from cli.stack.stack import EVERYTHING, Stack

app = typer.Typer(add_completion=False)

DATA = typer.Option(help="Where all state is kept between runs.", file_okay=False)
ONLY = typer.Option(help=f"Start only these, with commas: {', '.join(EVERYTHING)}.")


@app.command()
def up(data: Annotated[Path, DATA] = Path("data"), *, only: Annotated[str, ONLY] = ",".join(EVERYTHING)) -> None:
    """Start Kafka, PostgreSQL, an SMTP inbox and the four services; Ctrl-C or SIGTERM stops them all.

    An address in KAFKA_BOOTSTRAP_SERVERS, DATABASE_URL or POSTLOG_SMTP_HOST replaces the embedded part.
    Exit codes: 0 stopped as asked, or running already; 1 a part did not start (its log's end is shown); 2 bad usage.
    """
    try:
        asyncio.run(_run(Stack(data, parts=[name.strip() for name in only.split(",")], say=typer.echo)))
    except AlreadyRunning as running:
        typer.echo(f"{running}, by process {running.note.get('pid', '(starting)')}")
        typer.echo("\n".join(_table(running.note)))


async def _run(stack: Stack) -> None:
    _cancel_once(asyncio.current_task())
    try:
        async with stack:
            typer.echo("\n".join(["", *_table(stack.note()), "", "Ctrl-C stops it."]))
            await asyncio.Event().wait()
    except asyncio.CancelledError:
        typer.echo("stopped")


def _cancel_once(task: "asyncio.Task[Any] | None") -> None:
    """The first signal cancels the task; later ones change nothing: stopping has a deadline of its own."""
    loop, signals = asyncio.get_running_loop(), (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def cancel() -> None:
        for each in signals:
            loop.add_signal_handler(each, lambda: None)
        if task:
            typer.echo("\nstopping …")
            task.cancel()

    for each in signals:
        loop.add_signal_handler(each, cancel)


def _table(note: Mapping[str, Any]) -> list[str]:
    """The addresses of what runs, a line each."""
    return [f"  {name:<12} {value}" for name, value in note.get("addresses", {}).items()]
