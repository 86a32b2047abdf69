"""`postlog templates`: write, publish, compare and roll back. Over the API."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.console import Console
from rich.table import Table

from cli.api import KEY, LOCAL, URL, Api
from cli.errors import CommandError
from cli.template_files import BUILT_IN, built_in, read_template

app = typer.Typer(no_args_is_help=True, add_completion=False)

NAME = Annotated[str, typer.Argument(help="The template's name.")]
VERSION = Annotated[int, typer.Argument(min=1, help="The number of a version.")]
SIDE = "`draft`, `published`, or a version's number."


@app.callback()
def templates() -> None:
    """Write, publish, compare and roll back templates."""


@app.command(name="list")
def show(*, key: KEY, url: URL = LOCAL) -> None:
    """List the templates: which version is published, which is the newest, and whether there is a draft."""
    table = Table("template", "published", "newest", "draft")
    for row in _all(Api(url, key=key)):
        table.add_row(row["name"], str(row["published"] or "-"), str(row["newest"]), "yes" if row["draft"] else "")
    Console().print(table)


@app.command()
def put(
    name: NAME,
    folder: Annotated[Path, typer.Argument(help="Where NAME.subject.txt, NAME.html, NAME.txt, NAME.schema.json are.")],
    *,
    key: KEY,
    url: URL = LOCAL,
) -> None:
    """Write a draft from files; nobody is sent it before it is published."""
    Api(url, key=key).call("PUT", f"{_path(name)}/draft", json=read_template(name, folder))
    typer.echo(f"{name}: draft written; see `postlog templates diff {name}`, then `postlog templates publish {name}`")


@app.command()
def install(
    names: Annotated[
        list[str] | None, typer.Argument(help=f"Of {', '.join(BUILT_IN)}; all, when none is named.")
    ] = None,
    *,
    key: KEY,
    url: URL = LOCAL,
) -> None:
    """Publish the templates that Postlog ships with; one that you have already is left as it is."""
    if unknown := sorted(set(names or ()) - set(BUILT_IN)):
        raise CommandError(f"{', '.join(unknown)}: there are {', '.join(BUILT_IN)}", exit_code=2)
    api = Api(url, key=key)
    have = {row["name"] for row in _all(api) if row["published"]}
    for name in names or BUILT_IN:
        if name in have:
            typer.echo(f"{name}: you have one, it stays")
        else:
            _say(api.call("PUT", _path(name), json=built_in(name), headers={"If-None-Match": "*"}))


@app.command()
def publish(name: NAME, *, key: KEY, url: URL = LOCAL) -> None:
    """Publish the draft as a new version."""
    _say(Api(url, key=key).call("POST", f"{_path(name)}/publish"))


@app.command()
def rollback(name: NAME, version: VERSION, *, key: KEY, url: URL = LOCAL) -> None:
    """Publish a version that there is again: an earlier one, or one of a template that was deleted."""
    _say(Api(url, key=key).call("POST", f"{_path(name)}/publish", json={"version": version}))


@app.command()
def diff(
    name: NAME,
    *,
    key: KEY,
    url: URL = LOCAL,
    old: Annotated[str, typer.Option("--from", help=SIDE)] = "published",
    new: Annotated[str, typer.Option("--to", help=SIDE)] = "draft",
) -> None:
    """Show how two versions differ."""
    found = Api(url, key=key).call("GET", f"{_path(name)}/diff", params={"from": old, "to": new})
    typer.echo("".join(found["parts"].values()) or "no difference", nl=not found["parts"])


@app.command()
def delete(name: NAME, *, key: KEY, url: URL = LOCAL) -> None:
    """Let no new email use it; those accepted before are sent. `rollback` brings it back."""
    Api(url, key=key).call("DELETE", _path(name))
    typer.echo(f"{name}: deleted")


def _all(api: Api) -> Iterator[dict[str, Any]]:
    return (row for page in api.pages("/v1/templates", limit=200) for row in page["templates"])


def _path(name: str) -> str:
    return f"/v1/templates/{quote(name, safe='')}"


def _say(view: dict[str, Any]) -> None:
    typer.echo(f"{view['name']}: version {view['version']} is published")
