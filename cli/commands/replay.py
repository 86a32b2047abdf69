"""`postlog replay`: build the read models again from the log, compare, switch. Sends nothing."""

from typing import Annotated
from uuid import uuid4

import typer
from confluent_kafka import Consumer
from rich.console import Console
from rich.table import Table

from cli.errors import CommandError
from services.projector.adapters.errors import translated
from services.projector.filling import CannotReplay
from services.projector.handlers.ports import Unavailable
from services.projector.replay import Comparison, Replay, one_at_a_time
from services.projector.settings import ProjectorSettings
from shared.db.engine import make_engine
from shared.kafka import config

app = typer.Typer(add_completion=False)


@app.command()
def replay(
    *,
    check: Annotated[bool, typer.Option("--check", help="Only build and compare; the live build stays.")] = False,
    rollback: Annotated[bool, typer.Option("--rollback", help="Go back to the build before the last switch.")] = False,
) -> None:
    """Build the read models again beside the live ones, compare every column at the same offsets, and switch.

    Reads never stop. Exit code 1 when the builds differ: the live one stays, and the other is kept to be looked at.
    """
    settings = ProjectorSettings()
    engine = make_engine(settings, application="replay", pool_size=4)
    consumer = Consumer(config.consumer(settings, group_id=settings.topic(f"postlog-replay-{uuid4()}")))
    work = Replay(settings, engine=engine, consumer=consumer, say=typer.echo)
    try:
        with translated(), one_at_a_time(engine):
            if rollback:
                typer.echo(f"{work.roll_back()} is live again")
            else:
                _rebuild(work, keep_live=check)
    except (CannotReplay, Unavailable) as reason:
        raise CommandError(str(reason)) from None
    finally:
        consumer.close()
        engine.dispose()


def _rebuild(work: Replay, *, keep_live: bool) -> None:
    found = work.run()
    _show(found)
    if not found.equal:
        raise CommandError(f"{found.rebuilt} differs from {found.live}, which stays live: look at both, then tell us")
    if keep_live:
        work.discard(found.rebuilt)
        typer.echo(f"equal: {found.live} is what the log says")
    else:
        work.switch(found.rebuilt)
        typer.echo(f"equal: {found.rebuilt} is live now, {found.live} is kept for --rollback")


def _show(found: Comparison) -> None:
    table = Table("table", "rows", f"hash of {found.live}", f"hash of {found.rebuilt}", "")
    for name, live in found.of_live.items():
        rebuilt = found.of_rebuilt[name]
        rows = str(live.rows) if live.rows == rebuilt.rows else f"{live.rows}, {rebuilt.rows}"
        verdict = "equal" if live == rebuilt else "DIFFERS"
        table.add_row(name, rows, _short(live.digest), _short(rebuilt.digest), verdict)
    Console(width=110).print(table)


def _short(digest: str) -> str:
    return digest.replace("-", "")[:16]
