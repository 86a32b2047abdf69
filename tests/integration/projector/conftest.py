"""A stage for each test, and another one for those that compare two."""

import secrets
from collections.abc import Iterator

import psycopg
import pytest

from tests.conftest import url_of_database
from tests.integration.projector.stage import Stage


@pytest.fixture
def stage(kafka_url: str, pg_database: str, topic_prefix: str) -> Stage:
    """Topics and a database, both empty."""
    return Stage(kafka_url=kafka_url, database_url=pg_database, topic_prefix=topic_prefix)


@pytest.fixture
def other_stage(kafka_url: str, pg_url: str, topic_prefix: str) -> Iterator[Stage]:
    """Other topics and another database."""
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(pg_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            url = url_of_database(pg_url, name)
            yield Stage(kafka_url=kafka_url, database_url=url, topic_prefix=f"{topic_prefix}other.")
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
