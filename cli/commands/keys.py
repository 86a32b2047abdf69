"""`postlog keys create|list|rotate|revoke`: the API's keys."""

import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError, ProgrammingError

from cli.errors import CommandError
from services.api.adapters import state
from services.api.domain.keys import check_scopes, make_key, prefix_of
from shared.acceptance import valid_name
from shared.db.engine import make_engine
from shared.settings import DatabaseSettings

app = typer.Typer(add_completion=False, no_args_is_help=True)

TENANT = typer.Option(help="Whose data the key opens; a new tenant is made.")
NAME = typer.Option(help="What the key is for, as shown in lists.")
SCOPE = typer.Option(help="send, read, templates, admin (all of it); may be repeated.")
EXPIRES = typer.Option(help="UTC; from then on it is refused. Never, by default.")
PREFIX = typer.Argument(help="The key's prefix, or the whole key.")
OVERLAP = typer.Option(min=0, help="How long the old key is valid still.")
STDIN = typer.Option("--stdin", help="Store the key on standard input, made elsewhere by this command.")


@app.command()
def create(
    tenant: Annotated[str, TENANT] = "default",
    *,
    name: Annotated[str, NAME] = "unnamed",
    scope: Annotated[list[str] | None, SCOPE] = None,
    expires: Annotated[datetime | None, EXPIRES] = None,
    stdin: Annotated[bool, STDIN] = False,
) -> None:
    """Make a key and print it, once: only its hash is stored."""
    if not valid_name(tenant):
        raise CommandError("a tenant's name is 1 to 64 of A-Z a-z 0-9 . _ -", exit_code=2)
    scopes = sorted(set(scope or ["admin"]))
    try:
        check_scopes(scopes)
    except ValueError as error:
        raise CommandError(str(error), exit_code=2) from None
    key = sys.stdin.read().strip() if stdin else make_key(entropy=secrets.token_bytes(40))
    if prefix_of(key) is None:
        raise CommandError("on standard input is no key of `postlog keys create`", exit_code=2)
    with _database() as connection:
        state.put_key(connection, key=key, tenant=tenant, name=name, scopes=scopes, expires_at=_utc(expires))
    typer.echo(key)


@app.command()
def rotate(prefix: Annotated[str, PREFIX], *, overlap_hours: Annotated[float, OVERLAP] = 24) -> None:
    """Make a key that may do the same, and print it, once; the old one ends after the overlap."""
    key, overlap = make_key(entropy=secrets.token_bytes(40)), timedelta(hours=overlap_hours)
    with _database() as connection:
        done = state.rotate_key(connection, prefix=prefix_of(prefix) or prefix, key=key, overlap=overlap)
    if not done:
        raise CommandError("there is no such key that is active: see `postlog keys list`")
    typer.echo(key)


@app.command("list")
def show() -> None:
    """All keys: prefix, tenant, when made, whether valid and until when, last use, scopes, name."""
    with _database() as connection:
        keys = state.list_keys(connection)
    for key in keys:
        used = f"used {key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never used"
        parts = (key.prefix, f"{key.tenant:<12}", f"{key.created_at:%Y-%m-%d %H:%M}", f"{_state(key):<24}")
        typer.echo("  ".join((*parts, f"{used:<21}", ",".join(key.scopes), key.name)))


@app.command()
def revoke(prefix: Annotated[str, PREFIX]) -> None:
    """End a key. Every API process refuses it within seconds."""
    with _database() as connection:
        done = state.revoke_key(connection, prefix=prefix_of(prefix) or prefix)
    if not done:
        raise CommandError("there is no such key that is active: see `postlog keys list`")
    typer.echo("revoked")


def _state(key: state.ListedKey) -> str:
    if key.revoked_at is not None:
        return f"revoked {key.revoked_at:%Y-%m-%d %H:%M}"
    if key.expires_at is None:
        return "active"
    word = "expired" if key.expires_at <= datetime.now(UTC) else "active until"
    return f"{word} {key.expires_at:%Y-%m-%d %H:%M}"


def _utc(given: datetime | None) -> datetime | None:
    return None if given is None else given.replace(tzinfo=UTC)


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
