"""`postlog dead-letters`: what nobody could read, why, and where from. Never the content: it may be personal."""

import json
from collections.abc import Iterator
from typing import Annotated, Any
from uuid import uuid4

import typer
from confluent_kafka import Consumer, Message, TopicPartition
from rich.console import Console
from rich.table import Table

from shared.kafka.config import consumer
from shared.settings import KafkaSettings
from shared.topics import DEAD_LETTERS

app = typer.Typer(no_args_is_help=True, add_completion=False)
COLUMNS = ("offset", "source_topic", "source_partition", "source_offset", "bytes", "reason")


@app.callback()
def dead_letters() -> None:
    """Records nobody could read."""


@app.command(name="list")
def show(
    *,
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List the newest dead letters: where each came from and why it could not be read."""
    rows = list(_rows(KafkaSettings()))[-limit:]
    if as_json:
        for row in rows:
            typer.echo(json.dumps(row))
        return
    table = Table(*COLUMNS)
    for row in rows:
        table.add_row(*(str(row[name]) for name in COLUMNS))
    Console().print(table)


def _rows(settings: KafkaSettings) -> Iterator[dict[str, Any]]:
    topic = settings.topic(DEAD_LETTERS.name)
    reader = Consumer(consumer(settings, group_id=f"postlog-dead-letters-{uuid4()}"))
    try:
        reader.assign([TopicPartition(topic, 0, 0)])
        while (message := reader.poll(10)) is not None and message.error() is None:
            yield _row(message)
    finally:
        reader.close()


def _row(message: Message) -> dict[str, Any]:
    headers: dict[str, Any] = dict(message.headers() or [])
    said = {name: (headers.get(name) or b"").decode("utf-8", "replace") for name in COLUMNS if name in headers}
    return {"offset": message.offset(), "bytes": len(message.value() or b"")} | said
