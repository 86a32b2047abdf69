"""Fixtures: the topics of this test, and a tracker on them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.tracker.stage import Log, Tracker


@pytest.fixture
def log(kafka_url: str, topic_prefix: str) -> Log:
    """This test's topics."""
    return Log(kafka_url, topic_prefix)


@pytest.fixture
def tracker(kafka_url: str, topic_prefix: str, log: Log, tmp_path: Path) -> Iterator[Tracker]:
    """A tracker that runs."""
    with Tracker(kafka_url, topic_prefix, tmp_path) as tracker:
        yield tracker
