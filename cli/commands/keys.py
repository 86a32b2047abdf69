"""`postlog keys create|list|revoke`: the API's keys."""

import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError, ProgrammingError

from cli.errors import CommandError
from services.api.adapters import state
from services.api.domain.keys import make_key, prefix_of
from shared.acceptance import valid_name
from shared.db.engine import make_engine
from shared.settings import DatabaseSettings

app = typer.Typer(add_completion=False, no_args_is_help=True)

TENANT = typer.Option(help="Whose data the key opens; a new tenant is made.")
NAME = typer.Option(help="What the key is for, as shown in lists.")
STDIN = typer.Option("--stdin", help="Store the key on standard input, made elsewhere by this command.")


@app.command()
def create(
    tenant: Annotated[str, TENANT] = "default",
    *,
    name: Annotated[str, NAME] = "unnamed",
    stdin: Annotated[bool, STDIN] = False,
) -> None:
    """Make a key and print it, once: only its hash is stored."""
    if not valid_name(tenant):
        raise CommandError("a tenant's name is 1 to 64 of A-Z a-z 0-9 . _ -", exit_code=2)
    key = sys.stdin.read().strip() if stdin else make_key(entropy=secrets.token_bytes(40))
    if prefix_of(key) is None:
        raise CommandError("on standard input is no key of `postlog keys create`", exit_code=2)
    with _database() as connection:
        state.put_key(connection, key=key, tenant=tenant, name=name)
    typer.echo(key)


@app.command("list")
def show() -> None:
    """All keys: prefix, tenant, when made, when revoked, name."""
    with _database() as connection:
        keys = state.list_keys(connection)
    for key in keys:
        ended = f"revoked {key.revoked_at:%Y-%m-%d %H:%M}" if key.revoked_at else "active"
        typer.echo(f"{key.prefix}  {key.tenant:<12}  {key.created_at:%Y-%m-%d %H:%M}  {ended:<24}  {key.name}")


@app.command()
def revoke(prefix: Annotated[str, typer.Argument(help="The key's prefix, or the whole key.")]) -> None:
    """End a key. Every API process refuses it within seconds."""
    with _database() as connection:
        done = state.revoke_key(connection, prefix=prefix_of(prefix) or prefix)
    if not done:
        raise CommandError("there is no such key that is active: see `postlog keys list`")
    typer.echo("revoked")


@contextmanager
def _database() -> Iterator[Connection]:
    engine = make_engine(DatabaseSettings(), application="keys", pool_size=1)
    try:
        with engine.begin() as connection:
            yield connection
    except OperationalError as error:
        raise CommandError(f"PostgreSQL (DATABASE_URL): {str(error.orig).strip()}") from None
    except ProgrammingError:
        raise CommandError("the database is not at this release: run `postlog migrate`") from None
    finally:
        engine.dispose()
