"""`postlog queue`: what waits for each destination; hold, release, flush, limit; batches too. Over the API."""

import json
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.console import Console
from rich.table import Table

from cli.api import LOCAL, URL, Api

app = typer.Typer(no_args_is_help=True, add_completion=False)


class Kind(StrEnum):
    """What can be held."""

    destination = "destination"
    stream = "stream"
    tenant = "tenant"


class Weighed(StrEnum):
    """What can be weighed."""

    tenant = "tenant"
    batch = "batch"


NAME = Annotated[str, typer.Argument(help="A recipient domain, or the name of a group of MX hosts.")]
BATCH = Annotated[str, typer.Argument(help="The batch's id.")]
KEY = Annotated[str, typer.Option(help="An API key; an operator's acts for all tenants.", envvar="POSTLOG_KEY")]
REASON = Annotated[str | None, typer.Option(help="Why; it stands in an event.")]
HELD = Annotated[Kind, typer.Option(help="What NAME names.")]


@app.callback()
def queue() -> None:
    """What waits for each destination; hold, release, flush, limit."""


@app.command()
def show(
    name: Annotated[str | None, typer.Argument(help="This destination only.")] = None,
    *,
    key: KEY,
    url: URL = LOCAL,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many, the oldest first.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Show depth, oldest age, holds and limits of each destination."""
    wanted = {"limit": limit} | ({"destination": name} if name is not None else {})
    found = Api(url, key=key).call("GET", "/v1/destinations", params=wanted)
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    table = Table("destination", "waiting", "oldest", "deferred", "in flight", "scheduled", "state")
    for row in found["destinations"]:
        counts = row["counts"]
        shown = (counts.get("deferred", 0), counts.get("sending", 0), counts.get("scheduled", 0))
        table.add_row(row["destination"], str(row["waiting"]), _age(row["oldest_at"]), *map(str, shown), _state(row))
    Console().print(table)


@app.command()
def hold(name: NAME, *, key: KEY, url: URL = LOCAL, reason: REASON = None, kind: HELD = Kind.destination) -> None:
    """No new attempts until it is released."""
    _post(f"/v1/{kind}s/{quote(name)}/hold", key=key, url=url, reason=reason)


@app.command()
def release(name: NAME, *, key: KEY, url: URL = LOCAL, reason: REASON = None, kind: HELD = Kind.destination) -> None:
    """Attempts go on; what replies had imposed on a destination is lifted."""
    _post(f"/v1/{kind}s/{quote(name)}/release", key=key, url=url, reason=reason)


@app.command()
def flush(name: NAME, *, key: KEY, url: URL = LOCAL, reason: REASON = None) -> None:
    """Try now what is deferred for a destination."""
    _post(f"/v1/destinations/{quote(name)}/flush", key=key, url=url, reason=reason)


@app.command()
def limit(
    name: NAME,
    *,
    key: KEY,
    url: URL = LOCAL,
    rate: Annotated[float | None, typer.Option(help="Emails a second.")] = None,
    connections: Annotated[int | None, typer.Option(min=1, help="Connections at once.")] = None,
    in_flight: Annotated[int | None, typer.Option(min=1, help="Emails in hand at once.")] = None,
    reason: REASON = None,
) -> None:
    """Set a destination's limits, over all senders; without any, those of the settings hold again."""
    given = {"rate": rate, "connections": connections, "in_flight": in_flight, "reason": reason}
    body = {name: value for name, value in given.items() if value is not None}
    _say(Api(url, key=key).call("PUT", f"/v1/destinations/{quote(name)}/limits", json=body))


@app.command()
def weigh(
    name: Annotated[str, typer.Argument(help="A tenant, or a batch's id.")],
    weight: Annotated[int, typer.Argument(min=1, max=1000, help="Turns in a row where others have one.")],
    *,
    key: KEY,
    url: URL = LOCAL,
    kind: Annotated[Weighed, typer.Option(help="What NAME names.")] = Weighed.tenant,
) -> None:
    """Give a tenant or a batch more turns than the others."""
    path = f"/v1/{'batches' if kind == Weighed.batch else 'tenants'}/{quote(name)}/weight"
    _say(Api(url, key=key).call("PUT", path, json={"weight": weight}))


@app.command()
def pause(batch: BATCH, *, key: KEY, url: URL = LOCAL) -> None:
    """Pause a batch: no new attempts for its emails."""
    Api(url, key=key).call("POST", f"/v1/batches/{quote(batch)}/pause")
    typer.echo(f"batch {batch}: paused")


@app.command()
def resume(batch: BATCH, *, key: KEY, url: URL = LOCAL) -> None:
    """Resume a batch."""
    Api(url, key=key).call("POST", f"/v1/batches/{quote(batch)}/resume")
    typer.echo(f"batch {batch}: resumed")


def _post(path: str, *, key: str, url: str, reason: str | None) -> None:
    _say(Api(url, key=key).call("POST", path, json={"reason": reason} if reason else {}))


def _say(answer: dict[str, Any]) -> None:
    whose = "for all tenants" if answer["for_all"] else "for this tenant"
    typer.echo(f"{answer['kind']} {answer['name']}: {answer['asked']} asked {whose}, in effect within seconds")


def _age(at: str | None) -> str:
    if at is None:
        return ""
    seconds = max(0, int((datetime.now(UTC) - datetime.fromisoformat(at)).total_seconds()))
    days, hours, minutes = seconds // 86_400, seconds // 3600 % 24, seconds // 60 % 60
    if days:
        return f"{days}d {hours}h"
    return f"{hours}h {minutes}m" if hours else f"{minutes}m {seconds % 60}s"


def _state(row: dict[str, Any]) -> str:
    said = ["held"] if row["held"] else []
    if row["limits"] is not None:
        figures = {name: row["limits"][name] for name in ("rate", "connections", "in_flight")}
        said.append("limited: " + ", ".join(f"{name} {value:g}" for name, value in figures.items() if value))
    if row["imposed"] is not None:
        said.append(f"{row['imposed']['rule']} until {row['imposed']['until'][:16]}")
    return "; ".join(said)
