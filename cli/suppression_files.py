"""Files of suppressions: CSV with a header, or NDJSON. What is exported can be imported again."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, TextIO

from cli.errors import CommandError

COLUMNS: Final = ("recipient", "scope", "reason", "causing_event_id", "added_at", "expires_at")
Row = dict[str, Any]


def read_rows(path: Path) -> Iterator[tuple[int, Row]]:
    """Line numbers and rows, one after the other; raises CommandError for what is neither CSV nor NDJSON."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from (_ndjson(file) if path.suffix in (".ndjson", ".jsonl") else _csv(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CommandError(f"{path}: {error}", exit_code=2) from None


def write_csv(file: TextIO, pages: Iterator[list[Row]]) -> None:
    """CSV with a header."""
    writer = csv.DictWriter(file, COLUMNS)
    writer.writeheader()
    for page in pages:
        writer.writerows(map(exported, page))


def exported(row: Row) -> Row:
    """A row of the API in the words of an import: the keyed hash stands for the address."""
    return {name: row["recipient_ref"] if name == "recipient" else row[name] for name in COLUMNS}


def _csv(file: TextIO) -> Iterator[tuple[int, Row]]:
    reader = csv.DictReader(file, strict=True)
    if "recipient" not in (reader.fieldnames or ()):
        raise CommandError("the first line of a CSV file names its columns, and one is `recipient`", exit_code=2)
    for row in reader:
        yield reader.line_num, _asked({str(name): value for name, value in row.items() if value})


def _ndjson(file: TextIO) -> Iterator[tuple[int, Row]]:
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict):
            raise CommandError(f"line {number} is no JSON object", exit_code=2)
        yield number, _asked({name: value for name, value in row.items() if value is not None})


def _asked(row: Row) -> Row:
    """Without `added_at`: an import is added now."""
    return {name: value for name, value in row.items() if name != "added_at"}
