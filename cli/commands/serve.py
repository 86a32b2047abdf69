"""`postlog serve api|sender|tracker|projector`: one service in this process."""

from enum import StrEnum
from importlib import import_module

import typer

from cli.config.mistakes import mistakes_of
from cli.errors import CommandError

app = typer.Typer(add_completion=False)


class Service(StrEnum):
    """The services that there are."""

    API = "api"
    SENDER = "sender"
    TRACKER = "tracker"
    PROJECTOR = "projector"


@app.command()
def serve(service: Service) -> None:
    """Run one service in this process until SIGTERM or Ctrl-C. Its settings come from the environment.

    Exit code 2 when a setting is wrong: a line for each mistake.
    """
    if found := mistakes_of(service):
        raise CommandError("\n".join(found), exit_code=2)
    import_module(f"services.{service}.main").run()
