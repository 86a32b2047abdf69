"""`postlog emails`: what an operator says about one email. Over the API."""

from enum import StrEnum
from typing import Annotated

import typer

from cli.api import Api

app = typer.Typer(no_args_is_help=True, add_completion=False)


class Outcome(StrEnum):
    """What becomes of a doubt."""

    delivered = "delivered"
    bounced = "bounced"
    retry = "retry"
    give_up = "give_up"


@app.callback()
def emails() -> None:
    """What an operator says about one email."""


@app.command()
def resolve(
    email_id: Annotated[str, typer.Argument(help="The email's id.")],
    *,
    outcome: Annotated[Outcome, typer.Option(help="What is known (delivered, bounced), or what is to be done.")],
    reason: Annotated[str, typer.Option(help="Why; it stands in an event.")],
    key: Annotated[str, typer.Option(help="An API key of the email's tenant.", envvar="POSTLOG_KEY")],
    url: Annotated[str, typer.Option(help="The API.", envvar="POSTLOG_URL")] = "http://127.0.0.1:8080",
) -> None:
    """Settle an email in doubt: one of which nobody can know whether it arrived."""
    body = {"outcome": outcome.value, "reason": reason}
    answer = Api(url, key=key).call("POST", f"/v1/emails/{email_id}/resolve", json=body)
    typer.echo(f"email {email_id}: {answer['status']}, {answer['outcome']}")
