"""`postlog templates` against a running API."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import uvicorn
from structlog.testing import capture_logs
from typer.testing import CliRunner, Result

from cli.commands.templates import app
from cli.errors import CommandError
from services.api.main import build
from tests.integration.api.stage import Stage, open_stage

pytestmark = pytest.mark.integration
Run = Callable[..., Result]


@pytest.fixture
def stage(kafka_url: str, pg_database: str, topic_prefix: str, tmp_path: Path) -> Iterator[Stage]:
    stage = open_stage(kafka_url, pg_database, topic_prefix, tmp_path)
    yield stage
    stage.close()


@pytest.fixture
def run(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
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
        yield lambda *words: CliRunner().invoke(app, words)
    server.should_exit = True
    thread.join(30)
    listening.close()


def files(folder: Path, **texts: str) -> str:
    for name, text in texts.items():
        (folder / f"hello.{name.replace('_', '.')}").write_text(text)
    return str(folder)


def test_the_life_of_a_template(run: Run, tmp_path: Path) -> None:
    folder = files(tmp_path, subject_txt="Hello {{ name }}\n", txt="Hi\n", html="<p>Hi</p>\n")
    assert run("put", "hello", folder).output.startswith("hello: draft written")
    assert run("publish", "hello").output == "hello: version 1 is published\n"
    run("put", "hello", files(tmp_path, txt="Good morning\n"))
    shown = run("diff", "hello").output
    assert shown == "--- text (published)\n+++ text (draft)\n@@ -1 +1 @@\n-Hi\n+Good morning\n"
    assert "│ hello    │ 1         │ 1      │ yes   │" in run("list").output
    assert run("publish", "hello").output == "hello: version 2 is published\n"
    assert run("rollback", "hello", "1").output == "hello: version 1 is published\n"
    assert run("diff", "hello", "--from", "1", "--to", "published").output == "no difference\n"
    assert run("delete", "hello").output == "hello: deleted\n"
    assert "hello" not in run("list").output
    failed = run("publish", "hello").exception
    assert isinstance(failed, CommandError) and "there is no draft" in str(failed)


def test_files_that_are_missing_or_no_text(run: Run, tmp_path: Path) -> None:
    failed = run("put", "hello", str(tmp_path)).exception
    assert isinstance(failed, CommandError) and "hello.subject.txt" in str(failed)
    (tmp_path / "hello.subject.txt").write_bytes(b"\xff")
    failed = run("put", "hello", str(tmp_path)).exception
    assert isinstance(failed, CommandError) and "utf-8" in str(failed)


def test_the_built_in_ones_are_installed_beside_ones_own(run: Run, tmp_path: Path) -> None:
    (tmp_path / "receipt.subject.txt").write_text("Mine")
    (tmp_path / "receipt.txt").write_text("mine")
    run("put", "receipt", str(tmp_path))
    run("publish", "receipt")
    shown = run("install").output.splitlines()
    assert shown == [
        "invoice: version 1 is published",
        "receipt: you have one, it stays",
        "password-reset: version 1 is published",
        "newsletter: version 1 is published",
    ]
    assert run("install", "invoice").output == "invoice: you have one, it stays\n"
    failed = run("install", "flyer").exception
    assert isinstance(failed, CommandError) and failed.exit_code == 2 and "newsletter" in str(failed)
