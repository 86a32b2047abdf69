"""`postlog up` as a process: what it prints, how it stops, that nothing outlives it."""

import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.up_process import Up, command, environment, processes_of, wait_until_gone

pytestmark = pytest.mark.integration

POSTGRES = ("--only", "postgres")


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    found = Up(tmp_path / "data", *POSTGRES)
    try:
        found.wait_for("Ctrl-C stops it.")
        yield found
    finally:
        found.end(signal.SIGTERM)


def test_it_prints_progress_and_addresses(up: Up) -> None:
    assert re.search(r"^postgres +ready in +\d+\.\d s +127\.0\.0\.1:\d+$", up.printed, re.MULTILINE)
    with psycopg.connect(up.address("database_url")) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly_and_leaves_no_process(up: Up, number: signal.Signals) -> None:
    assert up.end(number) == 0
    assert up.printed.endswith("stopping …\nstopped\n")
    assert processes_of(up.data) == []
    assert "database system is shut down" in (up.data / "logs" / "postgres.log").read_text()


def test_nothing_outlives_a_killed_supervisor_and_the_next_one_starts(up: Up) -> None:
    up.end(signal.SIGKILL)
    wait_until_gone(up.data, seconds=5)
    again = Up(up.data, *POSTGRES)
    again.wait_for("Ctrl-C stops it.")
    assert again.end(signal.SIGTERM) == 0
    assert again.address("database_url") == up.address("database_url")


def test_a_second_up_says_what_is_running_and_where(up: Up) -> None:
    line = command(up.data, *POSTGRES)
    second = subprocess.run(
        line, capture_output=True, text=True, env=environment(), cwd=up.data.parent, timeout=30, check=False
    )
    assert second.returncode == 0
    assert f"a stack is running on {up.data} already, by process {up.process.pid}" in second.stdout
    assert up.address("database_url") in second.stdout
    assert up.process.poll() is None
