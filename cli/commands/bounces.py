"""`postlog bounces classify`: what a refusal means, and by which rule."""

from typing import Annotated

import typer

from shared.bounces.judgement import Judgement
from shared.bounces.reading import read
from shared.bounces.settings import BounceSettings

app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.callback()
def bounces() -> None:
    """Refusals and what they mean (docs/bounces.md)."""


@app.command()
def classify(
    reply: Annotated[str, typer.Argument(help='A reply or the diagnostic of a DSN, such as "550 5.1.1 no such user".')],
) -> None:
    """Say what a reply is judged to be, and which rule decides. The rules of POSTLOG_BOUNCE_RULES come first."""
    classifier = BounceSettings().classifier()
    rule = classifier.rule_for(read(reply))
    judged = Judgement.of(rule.category)
    typer.echo(f"class       {judged.bounce_class}")
    typer.echo(f"category    {rule.category}")
    typer.echo(f"rule        {rule.id}")
    typer.echo(f"suppresses  {'yes' if judged.suppresses else 'no'}")
    typer.echo(f"version     {classifier.version}")
