"""The API for the commands that speak to one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.api.stage import Stage, open_stage
from tests.integration.cli.serving import serving


@pytest.fixture
def stage(kafka_url: str, pg_database: str, topic_prefix: str, tmp_path: Path) -> Iterator[Stage]:
    """The API's surroundings."""
    stage = open_stage(kafka_url, pg_database, topic_prefix, tmp_path)
    yield stage
    stage.close()


@pytest.fixture
def served(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """The stage, with its API running."""
    with serving(stage, monkeypatch):
        yield stage
