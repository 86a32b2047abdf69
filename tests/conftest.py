"""Fixtures for all tests: real servers, started once per session and only when a test asks for one.

Export `KAFKA_BOOTSTRAP_SERVERS` and `DATABASE_URL` (see `postlog up --only kafka,postgres`) to use running ones.
"""

import secrets
from collections.abc import Iterator

import psycopg
import pytest
from hypothesis import settings
from psycopg.conninfo import conninfo_to_dict

from tests.servers import Servers

settings.register_profile("postlog", deadline=None)  # machines are shared: how long an example takes says nothing
settings.load_profile("postlog")

_SERVERS = pytest.StashKey[Servers]()


def pytest_configure(config: pytest.Config) -> None:
    """One set of servers for the session."""
    config.stash[_SERVERS] = Servers()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what was started."""
    config.stash[_SERVERS].stop()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say which servers the tests ran against."""
    for name, what in config.stash[_SERVERS].used.items():
        terminalreporter.write_line(f"{name}: {what}")


@pytest.fixture(scope="session")
def kafka_url(request: pytest.FixtureRequest) -> str:
    """Bootstrap servers of a real Kafka. Use `topic_prefix`: it is shared."""
    return request.config.stash[_SERVERS].kafka()


@pytest.fixture(scope="session")
def pg_url(request: pytest.FixtureRequest) -> str:
    """libpq URL of a real PostgreSQL, whose role may create databases. Use `pg_database`: it is shared."""
    return request.config.stash[_SERVERS].postgres()


@pytest.fixture
def pg_database(pg_url: str) -> Iterator[str]:
    """libpq URL of an empty database of this test's own, dropped after it."""
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(pg_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            yield url_of_database(pg_url, name)
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def topic_prefix() -> str:
    """A prefix for topics, groups and transactional ids that no other test has: a value for POSTLOG_TOPIC_PREFIX."""
    return f"t{secrets.token_hex(5)}."


def url_of_database(server: str, name: str) -> str:
    """The URL of another database on the same server."""
    parts = conninfo_to_dict(server)
    return f"postgresql://{parts['user']}:{parts['password']}@{parts['host']}:{parts['port']}/{name}"
