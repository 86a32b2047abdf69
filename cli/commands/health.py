"""`postlog health`: whether the service of this machine or container is alive, for a container's health check."""

import http.client
import os

import typer

from cli.errors import CommandError
from cli.stack.ports import HOST, USUAL

PROGRAMS = ("api", "sender", "tracker", "projector", "inbox")

app = typer.Typer(add_completion=False)


@app.command()
def health() -> None:
    """Ask /healthz on the ports of the services. Exit code 0 when one of them answers, 1 when none does."""
    alive = [name for name in PROGRAMS if _answers(_port(name))]
    if not alive:
        raise CommandError("no service answers here")
    typer.echo(f"alive: {', '.join(alive)}")


def _port(name: str) -> int:
    return int(os.environ.get(f"POSTLOG_{name.upper()}_PORT", USUAL[name]))


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=3)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
