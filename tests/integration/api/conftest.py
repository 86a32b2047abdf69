"""A stage with its topics and empty read models, and a client of the default tenant."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.integration.api.stage import Stage, open_stage


@pytest.fixture
def stage(kafka_url: str, pg_database: str, topic_prefix: str, tmp_path: Path) -> Iterator[Stage]:
    """The API's surroundings."""
    stage = open_stage(kafka_url, pg_database, topic_prefix, tmp_path)
    yield stage
    stage.close()


@pytest.fixture
def client(stage: Stage) -> Iterator[TestClient]:
    """The running application."""
    with stage.client() as client:
        yield client
