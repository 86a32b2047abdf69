"""`postlog migrate`: bring the schema `state` to this release."""

import typer
from sqlalchemy.exc import OperationalError

from cli.errors import CommandError
from shared.db.migrate import upgrade
from shared.settings import DatabaseSettings

app = typer.Typer(add_completion=False)


@app.command()
def migrate() -> None:
    """Bring the database to this release. Running it twice, or twice at once, does it once."""
    try:
        before, after = upgrade(DatabaseSettings())
    except OperationalError as error:
        raise CommandError(f"PostgreSQL (DATABASE_URL): {str(error.orig).strip()}") from None
    typer.echo(f"at revision {after}" if before == after else f"migrated from {before or 'nothing'} to {after}")
