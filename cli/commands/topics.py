"""`postlog topics create|check`: the topics on the broker against those that the code names."""

import typer
from confluent_kafka import KafkaException

from cli.errors import CommandError
from shared.kafka.admin import check_topics, ensure_topics
from shared.settings import KafkaSettings
from shared.topics import TOPICS

app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.command()
def create() -> None:
    """Create the topics that are missing; those that exist are left as they are, and checked."""
    settings = KafkaSettings()
    try:
        created = ensure_topics(settings)
    except KafkaException as error:
        raise CommandError(f"topics at {settings.kafka_bootstrap_servers}: {error.args[0].str()}") from None
    typer.echo(f"created {', '.join(created)}" if created else "all topics are there")
    _must_be_right(settings)


@app.command()
def check() -> None:
    """Say what is wrong with the topics, a line each. Exit code 1 when something is."""
    _must_be_right(KafkaSettings())
    typer.echo(f"all {len(TOPICS)} topics are as they should be")


def _must_be_right(settings: KafkaSettings) -> None:
    if wrong := check_topics(settings):
        raise CommandError("\n".join(wrong))
