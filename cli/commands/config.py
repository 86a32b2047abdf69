"""`postlog config check|show|docs|example`: the settings of the services."""

from typing import Annotated, Any

import typer
from pydantic import SecretStr

from cli.commands.serve import Service
from cli.config.catalog import SERVICES, Setting, settings_class, settings_of, written
from cli.config.documents import env_example, settings_page
from cli.config.mistakes import all_mistakes
from cli.config.places import Places

app = typer.Typer(add_completion=False, no_args_is_help=True)
Only = Annotated[Service | None, typer.Option("--service", help="Only what this service reads.")]


@app.command()
def check(service: Only = None) -> None:
    """Say what is wrong with the settings, a line for each mistake. Exit code 2 when something is."""
    _must_be_right(_chosen(service), Places.here())
    typer.echo("ok")


@app.command()
def show(service: Only = None) -> None:
    """Say what is set, and where each value comes from. Secrets are masked."""
    places = Places.here()
    _must_be_right(_chosen(service), places)
    lines: dict[str, str] = {}
    for name in _chosen(service):
        values = settings_class(name)()
        lines |= {setting.name: _line(values, setting, places) for setting in settings_of(name)}
    typer.echo("\n".join(lines.values()))


@app.command()
def docs() -> None:
    """Print the page docs/settings.md."""
    typer.echo(settings_page(), nl=False)


@app.command()
def example() -> None:
    """Print the file .env.example."""
    typer.echo(env_example(), nl=False)


def _chosen(service: Service | None) -> list[str]:
    return [str(service)] if service else list(SERVICES)


def _must_be_right(services: list[str], places: Places) -> None:
    if found := all_mistakes(services, places):
        typer.echo("\n".join(found))
        raise typer.Exit(2)


def _line(values: Any, setting: Setting, places: Places) -> str:
    *groups, last = setting.path
    for group in groups:
        values = getattr(values, group)
    value = getattr(values, last)
    seen = "********" if isinstance(value, SecretStr) else written(value) or "(not set)"
    return f"{setting.name} = {seen}  ({places.of(setting) if last in values.model_fields_set else 'default'})"
