"""Migrations on a real PostgreSQL: from nothing to the newest, down and up again, and never two at a time."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, text

from shared.db import migrate
from shared.db.engine import make_engine
from shared.db.state import SCHEMA, metadata
from shared.settings import DatabaseSettings

pytestmark = pytest.mark.integration


@pytest.fixture
def settings(pg_database: str) -> DatabaseSettings:
    return DatabaseSettings(database_url=pg_database)


def check(engine: Engine) -> str | None:
    with engine.connect() as connection:
        return migrate.check(connection)


def drift(engine: Engine) -> list[object]:
    options = {
        "version_table_schema": SCHEMA,
        "include_schemas": True,
        "include_name": lambda name, kind, _: name == SCHEMA if kind == "schema" else True,
    }
    with engine.connect() as connection:
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))


def test_from_nothing_to_the_tables_of_this_release(settings: DatabaseSettings) -> None:
    engine = make_engine(settings, application="test")
    assert "run `postlog migrate`" in (check(engine) or "")
    assert migrate.upgrade(settings) == (None, migrate.head())
    assert check(engine) is None
    assert drift(engine) == []
    assert migrate.upgrade(settings) == (migrate.head(), migrate.head())
    engine.dispose()


def test_drift_would_be_seen(settings: DatabaseSettings) -> None:
    migrate.upgrade(settings)
    engine = make_engine(settings, application="test")
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE state.api_keys DROP COLUMN name"))
    assert drift(engine)
    engine.dispose()


def test_down_and_up_again(settings: DatabaseSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", settings.database_url.get_secret_value())
    config = Config("alembic.ini")
    command.upgrade(config, "head")
    command.downgrade(config, "base")
    engine = make_engine(settings, application="test")
    with engine.connect() as connection:
        tables = connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'state'")).scalars().all()
    assert tables == ["alembic_version"]
    command.upgrade(config, "head")
    assert check(engine) is None
    engine.dispose()


def test_many_at_once(settings: DatabaseSettings) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: migrate.upgrade(settings), range(8)))
    assert sorted(before or "" for before, _ in found) == ["", *[migrate.head()] * 7]


def test_a_newer_schema_is_named(settings: DatabaseSettings) -> None:
    migrate.upgrade(settings)
    engine = make_engine(settings, application="test")
    with engine.begin() as connection:
        connection.execute(text("UPDATE state.alembic_version SET version_num = '9999'"))
    assert "9999" in (check(engine) or "")
    engine.dispose()
