"""The files of the contract: written where they differ, and only there."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.commands.contract import app
from cli.contract.files import FILES, differing, write
from cli.errors import CommandError
from tests import golden


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "golden").symlink_to(golden.FOLDER)
    return tmp_path


def test_missing_and_edited_files_are_written(checkout: Path) -> None:
    assert write(checkout) == list(FILES)
    (checkout / "docs" / "topics.md").write_text("by hand")
    assert differing(checkout) == write(checkout) == ["docs/topics.md"]
    assert differing(checkout) == []


def test_the_command_says_what_differs_and_writes_it(checkout: Path) -> None:
    runner = CliRunner()
    failed = runner.invoke(app, ["check", "--root", str(checkout)])
    assert isinstance(failed.exception, CommandError) and "docs/events.md" in str(failed.exception)
    assert "docs/asyncapi.yaml" in runner.invoke(app, ["write", "--root", str(checkout)]).output
    for command in ("check", "write"):
        said = runner.invoke(app, [command, "--root", str(checkout)])
        assert (said.exit_code, said.output) == (0, f"all {len(FILES)} files are as the code says\n")
