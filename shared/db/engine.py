"""SQLAlchemy engines on psycopg 3."""

from typing import Final

from sqlalchemy import URL, Engine, create_engine, make_url

from shared.settings import DatabaseSettings

CONNECT_SECONDS: Final = 3  # Postgres away is an answer of ours within the caller's patience
STATEMENT_MS: Final = 30_000


def database_url(settings: DatabaseSettings) -> URL:
    """The configured libpq URL, with our driver named in it."""
    return make_url(settings.database_url.get_secret_value()).set(drivername="postgresql+psycopg")


def make_engine(settings: DatabaseSettings, *, application: str, pool_size: int = 5) -> Engine:
    """An engine that connects when it is first used. `application` is shown in pg_stat_activity."""
    return create_engine(
        database_url(settings),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=CONNECT_SECONDS,
        pool_pre_ping=True,
        hide_parameters=True,  # they are personal, and errors are logged
        connect_args={
            "application_name": f"postlog-{application}",
            "connect_timeout": CONNECT_SECONDS,
            "options": f"-c timezone=UTC -c statement_timeout={STATEMENT_MS}",
        },
    )
