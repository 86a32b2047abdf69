"""`postlog dead-letters`: what nobody could read, why, and where from; and once more, when that is mended."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from cli.dead_letters import Letter, letters, one, send_again, text_of
from cli.errors import CommandError
from shared.settings import KafkaSettings
from shared.topics import TOPICS

app = typer.Typer(no_args_is_help=True, add_completion=False)
COLUMNS = ("offset", "source_topic", "source_partition", "source_offset", "bytes", "reason")
TOPIC = Annotated[str | None, typer.Option(help="Those that came from this topic.")]
REASON = Annotated[str | None, typer.Option(help="Those with these words in their reason.")]


@app.callback()
def dead_letters() -> None:
    """Records nobody could read."""


@app.command(name="list")
def show_all(
    *,
    topic: TOPIC = None,
    reason: REASON = None,
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List the newest dead letters: where each came from and why it could not be read. Never the content."""
    rows = [letter.row() for letter in _matching(KafkaSettings(), topic, reason)][-limit:]
    if as_json:
        for row in rows:
            typer.echo(json.dumps(row))
        return
    table = Table(*COLUMNS)
    for row in rows:
        table.add_row(*(str(row.get(name, "")) for name in COLUMNS))
    Console().print(table)


@app.command()
def show(
    offset: Annotated[int, typer.Argument(min=0, help="Its offset, as in the list.")],
    *,
    content: Annotated[bool, typer.Option("--content", help="The original too: it may be personal.")] = False,
) -> None:
    """Show one: what was noted, the original's headers, and whether it can be sent again."""
    settings = KafkaSettings()
    letter = one(settings, offset)
    for name, value in letter.notes.items():
        typer.echo(f"{name}: {value}")
    for name, header in letter.headers:
        typer.echo(f"header {name}: {text_of(header)}")
    typer.echo(f"bytes: {len(letter.value or b'')}")
    typer.echo(f"send again: {letter.hindrance(settings) or 'yes'}")
    if content:
        typer.echo((letter.value or b"").decode("utf-8", "backslashreplace"))


@app.command()
def resend(
    offsets: Annotated[list[int] | None, typer.Argument(help="Their offsets; else all that the options name.")] = None,
    *,
    topic: TOPIC = None,
    reason: REASON = None,
    file: Annotated[Path | None, typer.Option(help="The mended value, for a single one.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without this they are counted only.")] = False,
) -> None:
    """Send records again to where they came from, after a fix: an upgrade of the reader, or a mended value.

    What stands on email.dead-letters stays there. What still cannot be read becomes another dead letter.
    """
    settings = KafkaSettings()
    found = _chosen(settings, offsets, topic, reason)
    if file is not None and len(found) != 1:
        raise CommandError("--file is for one dead letter", exit_code=2)
    for letter in found:
        if (hindrance := letter.hindrance(settings)) is not None:
            typer.echo(f"{letter.offset}: left out: {hindrance}", err=True)
    able = [letter for letter in found if letter.hindrance(settings) is None]
    if not yes:
        typer.echo(f"{len(able)} to be sent again: say --yes")
        return
    send_again(settings, able, mended=None if file is None else file.read_bytes())
    typer.echo(f"{len(able)} sent again")


def _chosen(settings: KafkaSettings, offsets: list[int] | None, topic: str | None, reason: str | None) -> list[Letter]:
    if offsets:
        return [one(settings, offset) for offset in offsets]
    if topic is None and reason is None:
        raise CommandError("say which: offsets, --topic or --reason", exit_code=2)
    return list(_matching(settings, topic, reason))


def _matching(settings: KafkaSettings, topic: str | None, reason: str | None) -> list[Letter]:
    names = {each.name: settings.topic(each.name) for each in TOPICS}
    source = None if topic is None else names.get(topic, topic)
    return [letter for letter in letters(settings) if letter.matches(topic=source, reason=reason)]
