"""Migrations of the schema `state`: run once before the services start, checked by their readiness."""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from shared.db.engine import make_engine
from shared.db.state import SCHEMA
from shared.settings import DatabaseSettings

_ONE_AT_A_TIME: Final = 0x706F73746C6F67  # "postlog": key of the advisory lock
_SCRIPTS: Final = Path(__file__).parent / "migrations"


def upgrade(settings: DatabaseSettings) -> tuple[str | None, str]:
    """Bring the schema to its newest revision, once however many ask; returns the revisions before and after."""
    engine = make_engine(settings, application="migrate", pool_size=1)
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ONE_AT_A_TIME})")
            before = _current(connection)
            command.upgrade(_config(connection), "head")
            return before, head()
    finally:
        engine.dispose()


def head() -> str:
    """The newest revision that this release has."""
    found = ScriptDirectory(str(_SCRIPTS)).get_current_head()
    assert found is not None
    return found


def check(connection: Connection) -> str | None:
    """What is wrong with the schema, in a sentence; None when it is what this release needs."""
    found = _current(connection)
    if found == head():
        return None
    return f"schema {SCHEMA} is at revision {found}, this release needs {head()}: run `postlog migrate`"


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection, opts={"version_table_schema": SCHEMA}).get_current_revision()


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
