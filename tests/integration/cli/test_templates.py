"""`postlog templates` against a running API."""

from pathlib import Path

import pytest

from cli.commands.templates import app
from cli.errors import CommandError
from tests.integration.api.stage import Stage
from tests.integration.cli.serving import Run, runs

pytestmark = pytest.mark.integration


@pytest.fixture
def run(served: Stage) -> Run:
    return runs(app)


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
