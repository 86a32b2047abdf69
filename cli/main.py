"""The postlog command line. A sub-command's module is imported when it is called, so that help is fast."""

import sys
from importlib import import_module, metadata
from typing import Annotated, Any, Final

import typer
import typer.core
import typer.main

from cli.errors import CommandError

# Name and short help; the module is cli/commands/<name>.py and has `app = typer.Typer(add_completion=False)`.
COMMANDS: Final = {
    "demo": "Run the main job on real parts and check every figure.",
    "up": "Start the whole stack and stay.",
    "serve": "Run one service.",
    "migrate": "Bring the database to this release.",
    "config": "The services' settings: check, show.",
    "topics": "Create or check the topics.",
    "keys": "The API's keys: create, list, rotate, revoke.",
    "dkim": "Keys that sign mail: generate.",
    "health": "Say whether a service is alive here.",
    "inbox": "The SMTP inbox with addresses that behave.",
    "replay": "Build the read models again from the log.",
    "bounces": "What a refusal means: classify.",
    "queue": "What waits for each destination; hold, release, flush, limit.",
    "templates": "Write, publish, compare and roll back templates.",
    "batch": "What became of a bulk request: show, watch, rate, cancel.",
    "emails": "Search emails; reschedule, retry, resolve one.",
    "suppressions": "Addresses that are not sent to: list, add, remove, import, export.",
    "dead-letters": "Records nobody could read: list, show, send again.",
    "bench": "Measure, as a ratio to a ceiling.",
    "contract": "For developers: write or check the documents in docs/.",
}


class LazyCommand(typer.core.TyperCommand):
    """A sub-command of which only name and short help are known until it is called."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Hand over to the real command."""
        module = import_module(f"cli.commands.{str(self.name).replace('-', '_')}")
        return typer.main.get_command(module.app).make_context(info_name, args, parent=parent, **extra)


class LazyGroup(typer.core.TyperGroup):
    """The commands of the table above."""

    def list_commands(self, ctx: Any) -> list[str]:
        """In the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A stand-in, or None when there is no such command."""
        return LazyCommand(cmd_name, help=COMMANDS[cmd_name]) if cmd_name in COMMANDS else None


app = typer.Typer(cls=LazyGroup, add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"postlog {metadata.version('postlog')}")
        raise typer.Exit


@app.callback()
def postlog(
    version: Annotated[bool, typer.Option("--version", callback=_print_version, is_eager=True)] = False,
) -> None:
    """A self-hosted email service whose database is a log."""


def main() -> None:
    """Run the command line: what the user can mend ends in one line on standard error, not in a traceback."""
    try:
        app(prog_name="postlog")
    except CommandError as error:
        sys.exit(_show(error))
    except ValueError as error:
        sys.exit(_show(_settings_error(error)))


def _settings_error(error: ValueError) -> CommandError:
    """Wrong settings as a line each; any other error is raised again. (Imports are here to keep help fast.)"""
    from pydantic import ValidationError

    from cli.config.catalog import readers
    from cli.config.mistakes import lines_of

    if not isinstance(error, ValidationError):
        raise error
    return CommandError("\n".join(lines_of(error, list(readers()))), exit_code=2)


def _show(error: CommandError) -> int:
    print(f"postlog: {error}", file=sys.stderr)
    return error.exit_code


if __name__ == "__main__":
    main()
