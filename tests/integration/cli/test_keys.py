"""`postlog keys` on a real PostgreSQL."""

import hashlib
from collections.abc import Callable

import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from cli.commands.keys import app
from cli.errors import CommandError
from shared.db import migrate
from shared.db.engine import make_engine
from shared.settings import DatabaseSettings

pytestmark = pytest.mark.integration
Run = Callable[..., Result]


@pytest.fixture
def run(pg_database: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("DATABASE_URL", pg_database)

    def invoke(*arguments: str, input: str | None = None) -> Result:
        return CliRunner().invoke(app, arguments, input=input)

    return invoke


def test_a_key_is_made_shown_once_listed_and_revoked(run: Run, pg_database: str) -> None:
    settings = DatabaseSettings(database_url=pg_database)
    migrate.upgrade(settings)
    key = run("create", "--tenant", "acme", "--name", "web shop").output.strip()
    prefix = key.split("_")[1]
    engine = make_engine(settings, application="test")
    with engine.connect() as connection:
        row = connection.execute(text("SELECT * FROM state.api_keys")).one()
    engine.dispose()
    assert (row.id, row.tenant, row.secret_hash) == (prefix, "acme", hashlib.sha256(key.encode()).digest())
    assert key.split("_")[2] not in str(row)
    (line,) = run("list").output.splitlines()
    assert line.startswith(prefix) and "acme" in line and "active" in line and line.endswith("web shop")
    assert run("revoke", key).output == "revoked\n"
    assert "revoked" in run("list").output
    again = run("revoke", prefix)
    assert isinstance(again.exception, CommandError) and "keys list" in str(again.exception)


def test_a_key_with_limits_is_rotated(run: Run, pg_database: str) -> None:
    migrate.upgrade(DatabaseSettings(database_url=pg_database))
    old = run(
        "create", "--name", "shop", "--scope", "send", "--scope", "read", "--expires", "2126-01-01"
    ).output.strip()
    (line,) = run("list").output.splitlines()
    assert "active until 2126-01-01 00:00" in line and "never used" in line and "read,send  shop" in line
    new = run("rotate", old, "--overlap-hours", "1").output.strip()
    assert new != old and new.startswith("plk_")
    first, second = run("list").output.splitlines()
    assert "active until" in first and "2126" not in first
    assert second.startswith(new.split("_")[1]) and "read,send  shop" in second and "until" not in second
    assert run("rotate", new, "--overlap-hours", "0").exit_code == 0
    assert "expired" in run("list").output.splitlines()[1]
    for words in (("rotate", new), ("rotate", "nobody"), ("create", "--scope", "sned")):
        assert isinstance(run(*words).exception, CommandError)


def test_a_key_made_elsewhere_is_stored_once(run: Run, pg_database: str) -> None:
    migrate.upgrade(DatabaseSettings(database_url=pg_database))
    key = f"plk_{'a' * 12}_{'b' * 52}"
    for _ in range(2):
        assert run("create", "--name", "local", "--stdin", input=f"{key}\n").output == f"{key}\n"
    assert len(run("list").output.splitlines()) == 1


def test_what_can_be_mended_is_said(run: Run, pg_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for arguments, said in (
        (("create", "--tenant", "a/b"), "tenant's name"),
        (("create", "--stdin"), "no key"),
        (("list",), "postlog migrate"),
    ):
        failed = run(*arguments, input="nonsense").exception
        assert isinstance(failed, CommandError) and said in str(failed)
    monkeypatch.setenv("DATABASE_URL", "postgresql://x:secret@127.0.0.1:9/x")
    failed = run("list").exception
    assert isinstance(failed, CommandError) and "DATABASE_URL" in str(failed) and "secret" not in str(failed)
