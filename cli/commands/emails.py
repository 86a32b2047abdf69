"""`postlog emails`: search; another time, another attempt, the end of a doubt for one. Over the API."""

import json
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from cli.api import KEY, LOCAL, URL, Api

app = typer.Typer(no_args_is_help=True, add_completion=False)


class Outcome(StrEnum):
    """What becomes of a doubt."""

    delivered = "delivered"
    bounced = "bounced"
    retry = "retry"
    give_up = "give_up"


EMAIL_ID = Annotated[str, typer.Argument(help="The email's id.")]
TIME = Annotated[datetime, typer.Option(help="UTC, as 2027-01-04T08:00:00.")]
SHOWN = ("email_id", "status", "queued_at", "recipient_domain", "template", "reference", "last_reply_code")


@app.callback()
def emails() -> None:
    """Search emails, and say what is to become of one."""


@app.command()
def search(
    *,
    key: KEY,
    recipient: Annotated[str | None, typer.Option(help="An address, or its recipient_ref.")] = None,
    status: Annotated[str | None, typer.Option(help="As delivered, bounced, failed.")] = None,
    batch: Annotated[str | None, typer.Option(help="A batch's id.")] = None,
    template: Annotated[str | None, typer.Option(help="A template's name.")] = None,
    tag: Annotated[str | None, typer.Option(help="One of its tags.")] = None,
    reference: Annotated[str | None, typer.Option(help="The caller's own.")] = None,
    message_id: Annotated[str | None, typer.Option(help="As in the mail.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="At most so many.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    url: URL = LOCAL,
) -> None:
    """Emails of which all that is given holds, the newest first."""
    asked = {"recipient": recipient, "status": status, "batch_id": batch, "template": template, "tag": tag}
    asked |= {"reference": reference, "message_id": message_id}
    given: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
    found = Api(url, key=key).call("GET", "/v1/emails", params=given | {"limit": limit})["emails"]
    if as_json:
        for row in found:
            typer.echo(json.dumps(row))
        return
    table = Table(*SHOWN)
    for row in found:
        table.add_row(*("" if row[name] is None else str(row[name]) for name in SHOWN))
    Console().print(table)


@app.command()
def reschedule(email_id: EMAIL_ID, *, at: TIME, key: KEY, url: URL = LOCAL) -> None:
    """Give an email that waits another time."""
    body = {"send_at": at.replace(tzinfo=UTC).isoformat()}
    answer = Api(url, key=key).call("PATCH", f"/v1/emails/{email_id}", json=body)
    typer.echo(f"email {email_id}: {answer['status']}, {answer['send_at']}")


@app.command()
def retry(email_id: EMAIL_ID, *, key: KEY, url: URL = LOCAL) -> None:
    """Send a failed or bounced email again, as a new one."""
    answer = Api(url, key=key).call("POST", f"/v1/emails/{email_id}/retry")
    typer.echo(f"email {answer['email_id']}: {answer['status']}, retry of {email_id}")


@app.command()
def resolve(
    email_id: EMAIL_ID,
    *,
    outcome: Annotated[Outcome, typer.Option(help="What is known (delivered, bounced), or what is to be done.")],
    reason: Annotated[str, typer.Option(help="Why; it stands in an event.")],
    key: KEY,
    url: URL = LOCAL,
) -> None:
    """Settle an email in doubt: one of which nobody can know whether it arrived."""
    body = {"outcome": outcome.value, "reason": reason}
    answer = Api(url, key=key).call("POST", f"/v1/emails/{email_id}/resolve", json=body)
    typer.echo(f"email {email_id}: {answer['status']}, {answer['outcome']}")
