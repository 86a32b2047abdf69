"""A whole sender as a process of its own, started and stopped by a test."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from cli.stack.ports import free_port


class Process:
    """`postlog serve sender` on topics of one test, delivering as `settings` say."""

    def __init__(self, kafka_url: str, topic_prefix: str, folder: Path, **settings: str) -> None:
        self._folder = folder
        self.port = free_port()
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        self._environment = kept | {
            "KAFKA_BOOTSTRAP_SERVERS": kafka_url,
            "POSTLOG_TOPIC_PREFIX": topic_prefix,
            "POSTLOG_PARTITIONS": "3",
            "POSTLOG_TOKEN_KEYS": "1:" + "ab" * 32,
            "POSTLOG_RECIPIENT_KEY": "cd" * 32,
            "POSTLOG_DKIM": '[{"domain": "acme.test"}]',
            "POSTLOG_SENDER_DATA": str(folder / "sender"),
            "POSTLOG_SENDER_PORT": str(self.port),
            "POSTLOG_BLOB_URL": (folder / "blobs").as_uri(),
            **settings,
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it (again)."""
        command = (sys.executable, "-c", "from services.sender.main import run; run()")
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log)

    def ask_to_stop(self) -> None:
        """SIGTERM."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)

    def ended(self, *, within: float) -> int:
        """Its exit code; fails when it has not ended in time."""
        assert self._process is not None
        return self._process.wait(within)

    def stop(self) -> None:
        """End it if it runs; it must have ended well, whoever asked it."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self.ask_to_stop()
        try:
            assert self.ended(within=30) == 0, self.log()
        finally:
            self._process.kill()

    def metrics(self) -> dict[str, float]:
        """What it measures: the series as they stand there, with their values."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=10) as answer:
            rows = [line.rsplit(" ", 1) for line in answer.read().decode().splitlines() if not line.startswith("#")]
        return {name: float(value) for name, value in rows}

    def log(self) -> str:
        """What it logged."""
        return (self._folder / "log").read_text()

    def lines(self) -> list[dict[str, Any]]:
        """The same, line by line."""
        return [json.loads(line) for line in self.log().splitlines() if line.startswith("{")]

    def says(self, event: str, *, within: float = 30) -> None:
        """Wait until it logs this."""
        deadline = time.monotonic() + within
        while not any(line["event"] == event for line in self.lines()):
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.02)
