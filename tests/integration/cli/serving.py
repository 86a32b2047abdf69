"""A running API for the commands that speak to one; the environment says where it is."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import typer
import uvicorn
from structlog.testing import capture_logs
from typer.testing import CliRunner, Result

from services.api.main import build
from tests.integration.api.stage import Stage

Run = Callable[..., Result]


def runs(app: typer.Typer) -> Run:
    """Runs commands of `app`, beside the API or whatever else they need."""
    return lambda *words, **options: CliRunner().invoke(app, words, **options)


@contextmanager
def serving(stage: Stage, environment: pytest.MonkeyPatch, *, port: int = 0) -> Iterator[None]:
    """The stage's API on a port of its own, and a key of the default tenant."""
    listening = socket.create_server(("127.0.0.1", port))
    server = uvicorn.Server(uvicorn.Config(build(stage.settings), log_config=None, timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    environment.setenv("POSTLOG_URL", f"http://127.0.0.1:{listening.getsockname()[1]}")
    environment.setenv("POSTLOG_KEY", stage.make_key())
    environment.setenv("COLUMNS", "200")
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.02)
    with capture_logs():  # those of the API, which would stand in the output
        yield
    server.should_exit = True
    thread.join(30)
    listening.close()
