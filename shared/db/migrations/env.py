"""Alembic's entry: `shared.db.migrate` hands a connection over, the `alembic` command makes its own."""

from alembic import context
from sqlalchemy import Connection

from shared.db.engine import make_engine
from shared.db.state import SCHEMA, metadata
from shared.settings import DatabaseSettings


def migrate(connection: Connection) -> None:
    """Run the migrations; one that cannot get its lock soon gives up rather than queue in front of everybody."""
    connection.exec_driver_sql("SET lock_timeout = '5s'")
    connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
    context.configure(
        connection=connection,
        target_metadata=metadata,
        version_table_schema=SCHEMA,
        include_schemas=True,
        include_name=lambda name, kind, _: name == SCHEMA if kind == "schema" else True,
        compare_server_default=True,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    migrate(given)
else:
    engine = make_engine(DatabaseSettings(), application="alembic", pool_size=1)
    with engine.begin() as own:
        migrate(own)
    engine.dispose()
