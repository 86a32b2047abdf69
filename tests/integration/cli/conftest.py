"""A running API for the commands that speak to one; the environment says where it is."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from structlog.testing import capture_logs

from services.api.main import build
from tests.integration.api.stage import Stage, open_stage


@pytest.fixture
def stage(kafka_url: str, pg_database: str, topic_prefix: str, tmp_path: Path) -> Iterator[Stage]:
    """The API's surroundings."""
    stage = open_stage(kafka_url, pg_database, topic_prefix, tmp_path)
    yield stage
    stage.close()


@pytest.fixture
def served(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """The stage, and the API on a port of its own with a key of the default tenant."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(build(stage.settings), log_config=None))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    monkeypatch.setenv("POSTLOG_URL", f"http://127.0.0.1:{listening.getsockname()[1]}")
    monkeypatch.setenv("POSTLOG_KEY", stage.make_key())
    monkeypatch.setenv("COLUMNS", "200")
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.02)
    with capture_logs():  # those of the API, which would stand in the output
        yield stage
    server.should_exit = True
    thread.join(30)
    listening.close()
