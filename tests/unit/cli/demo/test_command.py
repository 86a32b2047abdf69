"""`postlog demo` says in its exit code whether every figure is right."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.commands import demo
from cli.demo.checks import checks
from cli.demo.checks.figure import Check
from cli.demo.evidence import Evidence
from tests.unit.cli.demo.small_run import evidence


def exit_code(monkeypatch: pytest.MonkeyPatch, place: Path, seen: Evidence) -> int:
    """Of the command, when its run has seen that."""

    async def run(data: Path, **_: object) -> list[Check]:
        return checks(seen)

    monkeypatch.setattr(demo, "run", run)
    monkeypatch.setattr(os, "environ", dict(os.environ))  # the command forgets settings, and leaves the directory
    monkeypatch.chdir(place)
    return CliRunner().invoke(demo.app, ["--data", str(place / "demo")]).exit_code


def test_0_when_all_are_right(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert exit_code(monkeypatch, tmp_path, evidence()) == 0


def test_1_when_one_figure_differs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen = evidence()
    assert exit_code(monkeypatch, tmp_path, replace(seen, attempts=seen.attempts[1:])) == 1
