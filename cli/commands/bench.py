"""`postlog bench …`: performance as a ratio to a ceiling measured in the same run; the last line is JSON."""

import asyncio
import json
import sys
from collections.abc import Iterator
from typing import Annotated

import typer

from cli.bench import intake as intakes
from cli.bench.delivery import Figures, Plan, run

app = typer.Typer(no_args_is_help=True, help="Measure; the last line is JSON with the key `ratio`.")


@app.callback()
def bench() -> None:
    """Measure; the last line is JSON with the key `ratio`."""


@app.command()
def delivery(
    *,
    seconds: Annotated[float, typer.Option(min=1, help="How long requests are fed.")] = 60,
    most: Annotated[int, typer.Option(min=100, help="Feed no more than so many.")] = sys.maxsize,
    senders: Annotated[int, typer.Option(min=1, help="Sender processes.")] = 2,
    connections: Annotated[int, typer.Option(min=1, help="SMTP connections of each.")] = 150,
    destinations: Annotated[int, typer.Option(min=1, help="Recipient domains.")] = 1000,
) -> None:
    """Emails a second from request record to 250 and committed facts, RSA-2048-signed ÷ raw signatures a second."""
    plan = Plan(seconds=seconds, most=most, senders=senders, connections=connections, destinations=destinations)
    figures = asyncio.run(run(plan))
    for line in _told(figures):
        typer.echo(line)
    typer.echo(json.dumps(_json(figures)))


@app.command()
def intake(
    *,
    most: Annotated[int, typer.Option(min=10_000, help="Recipients of the largest batch.")] = 200_000,
) -> None:
    """Recipients of a streamed batch accepted a second ÷ the same records produced by bare librdkafka."""
    sizes = [size for size in (1000, 10_000, 100_000) if size < most] + [most]
    figures = asyncio.run(intakes.run(sizes))
    for one in figures.runs:
        typer.echo(
            f"{one.recipients} recipients in {one.seconds:.2f} s: {one.rate:.0f}/s, "
            f"{one.cpu_ms:.3f} CPU ms each, peak {one.peak_mb:.0f} MiB"
        )
    typer.echo(f"ceiling: {figures.ceiling:.0f} records/s")
    last = figures.runs[-1]
    found = {"ratio": round(last.rate / figures.ceiling, 3), "recipients_per_second": round(last.rate)}
    typer.echo(json.dumps(found | {"ceiling": round(figures.ceiling), "peak_mb": round(last.peak_mb)}))


def _told(figures: Figures) -> Iterator[str]:
    yield f"{figures.emails} emails in {figures.seconds:.1f} s: {figures.rate:.0f}/s"
    yield f"{figures.verified} signatures verified, all good"
    yield "CPU ms an email: " + ", ".join(f"{name} {value:.3f}" for name, value in figures.cpu_ms.items())
    yield "CPU ms to make one, alone: " + ", ".join(f"{name} {ms:.3f}" for name, ms in figures.making_ms.items())
    yield "RSS MiB: " + ", ".join(f"{name} {value:.0f}" for name, value in figures.resident_mb.items())
    yield f"request → delivered, under load: p50 {figures.loaded.p50:.0f} ms, p99 {figures.loaded.p99:.0f} ms"
    yield f"request → delivered, idle: p50 {figures.idle.p50:.0f} ms, p99 {figures.idle.p99:.0f} ms"
    yield f"ceiling: {figures.ceiling:.0f} raw RSA-2048 signatures/s on all cores"
    yield f"plain loop (EmailMessage, dkimpy, smtplib, one connection): {figures.plain:.0f}/s"


def _json(figures: Figures) -> dict[str, object]:
    return {
        "ratio": round(figures.rate / figures.ceiling, 3),
        "ratio_plain": round(figures.rate / figures.plain, 2),
        "emails_per_second": round(figures.rate),
        "ceiling": round(figures.ceiling),
        "cpu_ms": {name: round(value, 3) for name, value in figures.cpu_ms.items()},
        "making_ms": {name: round(value, 3) for name, value in figures.making_ms.items()},
        "idle_p50_ms": round(figures.idle.p50),
        "idle_p99_ms": round(figures.idle.p99),
    }
