"""A stage for each test."""

import pytest

from tests.integration.projector.stage import Stage


@pytest.fixture
def stage(kafka_url: str, pg_database: str, topic_prefix: str) -> Stage:
    """Topics and a database, both empty."""
    return Stage(kafka_url=kafka_url, database_url=pg_database, topic_prefix=topic_prefix)
