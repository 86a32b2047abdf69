"""One stack per data directory: a lock held while it runs, and a note for others that says what runs."""

import fcntl
import json
import os
from pathlib import Path
from typing import Any, Self, TextIO

from cli.errors import CommandError


class AlreadyRunning(CommandError):
    """Another stack holds the data directory; `note` is what it wrote, empty while it starts."""

    def __init__(self, data: Path, note: dict[str, Any]) -> None:
        super().__init__(f"a stack is running on {data} already", exit_code=0)
        self.note = note


class Claim:
    """The claim on a data directory; released by the kernel when the process ends, however it ends."""

    def __init__(self, lock: TextIO, note: Path) -> None:
        self._lock, self._note = lock, note

    @classmethod
    def on(cls, data: Path) -> Self:
        """Take it; raises AlreadyRunning."""
        data.mkdir(parents=True, exist_ok=True)
        lock, note = (data / "stack.lock").open("a"), data / "stack.json"
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise AlreadyRunning(data, json.loads(note.read_text()) if note.exists() else {}) from None
        note.unlink(missing_ok=True)
        return cls(lock, note)

    def announce(self, **note: Any) -> None:
        """Write down what runs, for whoever asks."""
        fresh = self._note.with_suffix(".new")
        fresh.touch(mode=0o600)  # it holds the database's password
        fresh.write_text(json.dumps({"pid": os.getpid()} | note, indent=2) + "\n")
        fresh.replace(self._note)

    def release(self) -> None:
        """Let others have the directory."""
        self._note.unlink(missing_ok=True)
        self._lock.close()
