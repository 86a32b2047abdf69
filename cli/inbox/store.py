"""What arrived, and every attempt: two append-only files of JSON lines and a file for each mail. Survives a restart."""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Row = dict[str, Any]


class Store:
    """Mails and attempts, in memory and on disk. `accepted` is false for a copy kept without a reply."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mails_folder = folder / "mails"
        self._mails_folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._messages: list[Row] = _read(folder / "messages.jsonl")
        self._attempts: list[Row] = _read(folder / "attempts.jsonl")
        self._tried: Counter[str] = Counter(row["recipient"] for row in self._attempts)
        self._open()

    def _open(self) -> None:
        self._messages_file = (self._folder / "messages.jsonl").open("a", encoding="utf-8")
        self._attempts_file = (self._folder / "attempts.jsonl").open("a", encoding="utf-8")

    def attempt(self, row: Row) -> None:
        """Remember an attempt: recipient, phase, reply, time."""
        with self._lock:
            self._attempts.append(row)
            self._tried[row["recipient"]] += 1
            _append(self._attempts_file, row)

    def tried(self, recipient: str) -> int:
        """How many attempts there were for a recipient."""
        return self._tried[recipient]

    def keep(self, row: Row, source: bytes) -> Row:
        """Keep a mail; returns its row with an id."""
        with self._lock:
            kept = {"id": len(self._messages) + 1, **row, "bytes": len(source)}
            (self._mails_folder / f"{kept['id']}.eml").write_bytes(source)
            self._messages.append(kept)
            _append(self._messages_file, kept)
            return kept

    def messages(self, *, after: int = 0, limit: int = 1000, **equal: str) -> list[Row]:
        """Mails in order of arrival, those after an id; `equal` are fields that must match."""
        rows = self._messages[max(after, 0) :]
        found = (row for row in rows if all(row.get(name) == value for name, value in equal.items()))
        return _first(found, limit)

    def attempts(self, *, after: int = 0, limit: int = 100_000) -> list[Row]:
        """Attempts in order, those after a number."""
        return self._attempts[after : after + limit]

    def message(self, number: int) -> Row | None:
        """One mail's row."""
        return self._messages[number - 1] if 0 < number <= len(self._messages) else None

    def source(self, number: int) -> bytes:
        """One mail as it arrived."""
        return (self._mails_folder / f"{number}.eml").read_bytes()

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self.close()
            for file in (
                *self._mails_folder.iterdir(),
                self._folder / "messages.jsonl",
                self._folder / "attempts.jsonl",
            ):
                file.unlink(missing_ok=True)
            self._messages, self._attempts, self._tried = [], [], Counter()
            self._open()

    def close(self) -> None:
        """Close the files."""
        self._messages_file.close()
        self._attempts_file.close()


def _read(file: Path) -> list[Row]:
    if not file.exists():
        return []
    lines = file.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line.endswith("}")]


def _append(file: Any, row: Row) -> None:
    file.write(json.dumps(row, ensure_ascii=False) + "\n")
    file.flush()


def _first(rows: Iterator[Row], limit: int) -> list[Row]:
    return [row for row, _ in zip(rows, range(limit), strict=False)]
