"""A file of emails as one streamed batch: sent again under the same key when the connection breaks."""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, Final

from cli.api import Api, ApiAway, Json
from cli.errors import CommandError

TYPES: Final = {"ndjson": "application/x-ndjson", "jsonl": "application/x-ndjson", "csv": "text/csv"}
STDIN: Final = Path("-")
PAUSES: Final = (1.0, 5.0, 10.0, 30.0)  # seconds before each further try
_PIECE: Final = 256 * 1024


def form_of(file: Path, given: str | None) -> str:
    """The form of a file by its name, unless it is given; raises CommandError when nobody can say."""
    name = given or file.name.removesuffix(".gz").rpartition(".")[2].lower()
    if name not in TYPES:
        raise CommandError("is it ndjson or csv? Say --format", exit_code=2)
    return name


def send(
    api: Api, file: Path, *, form: str, query: dict[str, Any], key: str, told: Callable[[str], None] = print
) -> Json:
    """The API's receipt. Standard input comes once only, so that it is not sent again; raises CommandError."""
    headers = {"Content-Type": TYPES[form], "Idempotency-Key": key}
    if file.suffix == ".gz":
        headers["Content-Encoding"] = "gzip"
    for pause in (*PAUSES, None):
        try:
            return api.call("POST", "/v1/batches", params=query, content=_pieces(file), headers=headers)
        except ApiAway as error:
            if pause is None or file == STDIN:
                raise CommandError(
                    f"{error}\nTo go on where it broke: the same command with --batch-key {key}"
                ) from None
            told(f"{error}; again in {pause:.0f} s")
            time.sleep(pause)
    raise AssertionError("the last try has no pause")


def _pieces(file: Path) -> Iterator[bytes]:
    try:
        with _opened(file) as source:
            while piece := source.read(_PIECE):
                yield piece
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}", exit_code=2) from None


def _opened(file: Path) -> IO[bytes]:
    return sys.stdin.buffer if file == STDIN else file.open("rb")
