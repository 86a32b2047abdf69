"""The command line: fast help, one line for what the user can mend."""

import subprocess
import sys
from importlib import import_module

import pytest
import typer

from cli.main import COMMANDS


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cli.main", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_help_imports_no_command() -> None:
    code = (
        "import sys, cli.main\n"
        "try: cli.main.app(['--help'])\n"
        "except SystemExit: pass\n"
        "print([name for name in sys.modules if name.startswith(('cli.commands', 'pydantic', 'confluent_kafka'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]"
    assert all(name in done.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_its_module(name: str) -> None:
    module = import_module(f"cli.commands.{name.replace('-', '_')}")
    assert isinstance(module.app, typer.Typer)
    command = typer.main.get_command(module.app)
    assert command.help or (isinstance(command, typer.core.TyperGroup) and command.commands)


def test_a_wrong_setting_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTLOG_PARTITIONS", "none")
    done = run("topics", "check")
    assert done.returncode == 2
    assert done.stderr.startswith("postlog: POSTLOG_PARTITIONS: 'none' is not a ")
    assert len(done.stderr.splitlines()) == 1


def test_an_unknown_command_is_a_usage_error() -> None:
    done = run("nonsense")
    assert done.returncode == 2
    assert "No such command 'nonsense'" in done.stderr


def test_a_sub_command_is_given_its_arguments() -> None:
    done = run("serve", "nobody")
    assert done.returncode == 2
    assert "Usage: postlog serve" in done.stderr
    assert "'nobody' is not one of" in done.stderr


def test_what_the_user_can_mend_is_one_line() -> None:
    done = run("up", "--only", "kafak")
    assert done.returncode == 2
    assert done.stderr.startswith("postlog: no part kafak: there are kafka, postgres, inbox")
    assert len(done.stderr.splitlines()) == 1
