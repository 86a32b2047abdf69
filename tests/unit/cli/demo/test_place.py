"""The demo's directory: emptied when it is a demo's own, left alone when it is anything else."""

import os
from pathlib import Path

import pytest

from cli.demo.place import MARK, leave_settings_behind, take_over
from cli.errors import CommandError
from cli.stack.claim import Claim


def test_a_new_directory_is_made_and_emptied_the_next_time(tmp_path: Path) -> None:
    place = take_over(tmp_path / "data" / "demo")
    (place / "kafka").mkdir()
    (place / "kafka" / "log").touch()
    (place / "ports.json").touch()
    assert take_over(place) == place
    assert [file.name for file in place.iterdir()] == [MARK]


def test_a_directory_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(CommandError, match="not a demo's") as refused:
        take_over(tmp_path)
    assert refused.value.exit_code == 2
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_demo_that_runs_is_left_alone(tmp_path: Path) -> None:
    place = take_over(tmp_path / "demo")
    running = Claim.on(place)
    (place / "kafka").mkdir()
    with pytest.raises(CommandError, match="running on") as refused:
        take_over(place)
    assert refused.value.exit_code == 1
    assert (place / "kafka").exists()
    running.release()


def test_a_file_is_no_place(tmp_path: Path) -> None:
    (tmp_path / "demo").touch()
    with pytest.raises(CommandError, match="name another directory"):
        take_over(tmp_path / "demo")


def test_settings_of_the_environment_are_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("POSTLOG_SMTP_HOST", "KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL"):
        monkeypatch.setenv(name, "mail.example.com")
    (tmp_path / "demo").mkdir()
    leave_settings_behind(tmp_path / "demo")
    assert Path.cwd() == tmp_path / "demo"
    assert not [name for name in os.environ if name.startswith(("POSTLOG_", "KAFKA_", "DATABASE_URL"))]
