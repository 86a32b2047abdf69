"""`postlog bench …`: performance as a ratio to a ceiling measured in the same run; the last line is JSON."""

import asyncio
import json
from typing import Annotated

import typer

from cli.bench.delivery import run

app = typer.Typer(no_args_is_help=True, help="Measure; the last line is JSON with the key `ratio`.")


@app.callback()
def bench() -> None:
    """Measure; the last line is JSON with the key `ratio`."""


@app.command()
def delivery(
    emails: Annotated[int, typer.Option(min=100, help="How many emails.")] = 5000,
    *,
    connections: Annotated[int, typer.Option(min=1, help="SMTP connections.")] = 20,
) -> None:
    """Emails a second from request record to 250 and committed facts, RSA-2048-signed ÷ raw signatures a second."""
    figures = asyncio.run(run(emails, connections=connections))
    rate = figures.emails / figures.seconds
    typer.echo(
        f"{figures.emails} emails in {figures.seconds:.1f} s: {rate:.0f}/s; {figures.checked} signatures verified"
    )
    typer.echo(f"ceiling: {figures.ceiling:.0f} raw RSA-2048 signatures/s on all cores")
    result = {
        "ratio": round(rate / figures.ceiling, 3),
        "emails_per_second": round(rate),
        "ceiling": round(figures.ceiling),
    }
    typer.echo(json.dumps(result))
