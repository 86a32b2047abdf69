"""`postlog up` as a process, and whatever runs on its data directory."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from cli.stack.ports import choose_ports
from cli.stack.stack import ANY_PORT

GIVEN = ("KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL", "POSTLOG_SMTP_HOST")


class Up:
    """A running `postlog up` and what it has printed. Its ports are free ones: others may test at the same time."""

    def __init__(self, data: Path, *options: str) -> None:
        data.mkdir(exist_ok=True)
        choose_ports(data / "ports.json", usual=ANY_PORT)
        self.data = data
        self._output = data.with_name(f"printed-{time.monotonic_ns()}")
        with self._output.open("w") as file:
            self.process = subprocess.Popen(
                command(data, *options), stdout=file, stderr=subprocess.STDOUT, env=environment(), cwd=data.parent
            )

    @property
    def printed(self) -> str:
        """All its output so far."""
        return self._output.read_text()

    def wait_for(self, words: str) -> None:
        """Wait until it has printed the words."""
        deadline = time.monotonic() + 60
        while words not in self.printed:
            assert time.monotonic() < deadline, self.printed
            assert self.process.poll() is None, self.printed
            time.sleep(0.05)

    def address(self, name: str) -> str:
        """What it printed beside `name`."""
        found = re.search(rf"^  {name} +(\S+)$", self.printed, re.MULTILINE)
        assert found, self.printed
        return found[1]

    def end(self, number: signal.Signals) -> int:
        """Send a signal; the exit code, which is there within 15 seconds."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(15)


def command(data: Path, *options: str) -> list[str]:
    """The command line of `postlog up`."""
    return [sys.executable, "-m", "cli.main", "up", "--data", str(data), *options]


def environment() -> dict[str, str]:
    """Ours without addresses of servers."""
    return {name: value for name, value in os.environ.items() if name not in GIVEN}


def processes_of(data: Path) -> list[str]:
    """All processes that name the data directory in their command line or environment, but zombies."""
    others = [entry for entry in Path("/proc").iterdir() if entry.name.isdigit() and int(entry.name) != os.getpid()]
    found = []
    for entry in others:
        line = _read(entry / "cmdline")
        if str(data).encode() in line + _read(entry / "environ"):
            found.append(line.replace(b"\0", b" ").decode())
    return found


def _read(file: Path) -> bytes:
    """Nothing when the process is gone by now, or not ours to look into."""
    try:
        return file.read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return b""


def wait_until_gone(data: Path, *, seconds: float) -> None:
    """Wait until nothing runs on the data directory."""
    deadline = time.monotonic() + seconds
    while left := processes_of(data):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)
