"""`postlog up` as a process: what it prints, how it stops, that nothing outlives it."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from cli.stack.ports import choose_ports
from cli.stack.stack import ANY_PORT

pytestmark = pytest.mark.integration

GIVEN = ("KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL", "POSTLOG_SMTP_HOST")


class Up:
    """A running `postlog up --only postgres` and what it has printed."""

    def __init__(self, data: Path, output: Path) -> None:
        self.data, self._output = data, output
        with output.open("w") as file:
            self.process = subprocess.Popen(
                command(data), stdout=file, stderr=subprocess.STDOUT, env=environment(), cwd=data.parent
            )

    @property
    def printed(self) -> str:
        return self._output.read_text()

    def wait_for(self, words: str) -> None:
        deadline = time.monotonic() + 60
        while words not in self.printed:
            assert time.monotonic() < deadline, self.printed
            assert self.process.poll() is None, self.printed
            time.sleep(0.05)

    def database_url(self) -> str:
        found = re.search(r"database_url +(\S+)", self.printed)
        assert found
        return found[1]


def command(data: Path) -> list[str]:
    return [sys.executable, "-m", "cli.main", "up", "--data", str(data), "--only", "postgres"]


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in GIVEN}


def processes_of(data: Path) -> list[str]:
    """Command lines of all processes that name the data directory."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if str(data) in line:
                found.append(line)
    return found


def wait_until_gone(data: Path, *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while left := processes_of(data):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    (tmp_path / "data").mkdir()
    choose_ports(tmp_path / "data" / "ports.json", usual=ANY_PORT)  # remembered: others may test at the same time
    found = Up(tmp_path / "data", tmp_path / "printed")
    try:
        found.wait_for("Ctrl-C stops it.")
        yield found
    finally:
        if found.process.poll() is None:
            found.process.send_signal(signal.SIGTERM)
        found.process.wait(15)


def test_it_prints_progress_and_addresses(up: Up) -> None:
    assert re.search(r"^postgres +ready in +\d+\.\d s +127\.0\.0\.1:\d+$", up.printed, re.MULTILINE)
    with psycopg.connect(up.database_url()) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly_and_leaves_no_process(up: Up, number: signal.Signals) -> None:
    up.process.send_signal(number)
    assert up.process.wait(15) == 0
    assert up.printed.endswith("stopping …\nstopped\n")
    assert processes_of(up.data) == []
    assert "database system is shut down" in (up.data / "logs" / "postgres.log").read_text()


def test_nothing_outlives_a_killed_supervisor_and_the_next_one_starts(up: Up, tmp_path: Path) -> None:
    before = up.database_url()
    up.process.kill()
    up.process.wait(15)
    wait_until_gone(up.data, seconds=5)
    again = Up(up.data, tmp_path / "printed-again")
    again.wait_for("Ctrl-C stops it.")
    again.process.send_signal(signal.SIGTERM)
    assert again.process.wait(15) == 0
    assert again.database_url() == before


def test_a_second_up_says_what_is_running_and_where(up: Up) -> None:
    second = subprocess.run(
        command(up.data), capture_output=True, text=True, env=environment(), cwd=up.data.parent, timeout=30, check=False
    )
    assert second.returncode == 0
    assert f"a stack is running on {up.data} already, by process {up.process.pid}" in second.stdout
    assert up.database_url() in second.stdout
    assert up.process.poll() is None
