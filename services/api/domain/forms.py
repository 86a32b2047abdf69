"""The two forms of a streamed batch: NDJSON, and CSV. Both say what `BatchRequest` says, an email a line."""

import csv
from collections.abc import Iterable, Iterator
from typing import Any, Final, Protocol

import msgspec
from msgspec import Struct

from services.api.domain.batches import BatchRequest, MaxRate
from services.api.domain.errors import ApiError
from services.api.domain.lines import Line, Lines, Rows
from shared.acceptance import Refusal, from_decode_error
from shared.events.envelope import Stream

COLUMNS: Final = ("to", "to_name", "reply_to", "reference", "send_at", "expires_at", "list", "tags")
_PREFIXES: Final = ("variables", "metadata")
_TOO_LONG: Final = Refusal("body_too_large", None, "the line has more bytes than a line may have")
_BOM: Final = b"\xef\xbb\xbf"


class Asked(Struct, frozen=True, kw_only=True):
    """What the query says of all emails of a stream. It goes before what the stream itself says."""

    defaults: dict[str, Any] = {}
    stream: Stream | None = None
    tags: tuple[str, ...] = ()
    reference: str | None = None


class BatchHead(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The first line of an NDJSON batch, when it is no email: `BatchRequest` without `emails`."""

    defaults: dict[str, Any]
    stream: Stream = "transactional"
    tags: tuple[str, ...] = ()
    reference: str | None = None
    max_rate: MaxRate | None = None


class Form(Protocol):
    """How to read a stream."""

    def lines(self, data: bytes) -> Iterable[Line]:
        """The lines, or rows, that are complete with this piece; raises ApiError for what ends the stream."""

    def end(self) -> Iterable[Line]:
        """What is left when the stream has ended."""

    def head(self, first: Line) -> bool:
        """Read the first line; True when it is no email. Raises ApiError."""

    def email(self, line: Line) -> dict[str, Any] | Refusal:
        """What the line says of its email."""

    @property
    def shared(self) -> BatchRequest:
        """What the emails share, once the first line is read; it has no emails of its own."""


class Ndjson:
    """A JSON object a line, with the members of `emails` in `BatchRequest`."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._lines = Lines()
        self.shared = _shared(BatchHead(defaults={}), asked)

    def lines(self, data: bytes) -> Iterable[Line]:
        """The lines that are complete with this piece."""
        return filter(_filled, self._lines.feed(data))

    def end(self) -> Iterable[Line]:
        """The last line."""
        return filter(_filled, self._lines.end())

    def head(self, first: Line) -> bool:
        """Whether the first line is a `BatchHead`: it has `defaults`, which no email has."""
        found = self.email(first)
        if isinstance(found, Refusal) or "defaults" not in found:
            return False
        try:
            self.shared = _shared(msgspec.convert(found, BatchHead), self._asked)
        except (msgspec.ValidationError, RecursionError) as error:
            raise ApiError.of(from_decode_error(error)) from None
        return True

    def email(self, line: Line) -> dict[str, Any] | Refusal:
        """What the line says of its email."""
        if line.text is None:
            return _TOO_LONG
        try:
            return msgspec.json.decode(line.text, type=dict[str, Any])
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            return from_decode_error(error)


class Csv:
    """A row an email: columns named in `COLUMNS`, `metadata.NAME`, and every other one is a variable."""

    def __init__(self, asked: Asked) -> None:
        self._lines, self._rows = Lines(), Rows()
        self._columns: tuple[str, ...] = ()
        self.shared = _shared(BatchHead(defaults={}), asked)

    def lines(self, data: bytes) -> Iterable[Line]:
        """The rows that are complete with this piece."""
        return self._rows.join(self._lines.feed(data))

    def end(self) -> Iterable[Line]:
        """The last row."""
        yield from self._rows.join(self._lines.end())
        self._rows.end()

    def head(self, first: Line) -> bool:
        """The names of the columns."""
        cells = _cells(Line(first.number, (first.text or b"").removeprefix(_BOM)))
        if isinstance(cells, Refusal):
            raise ApiError("malformed_csv", f"the first row: {cells.detail}")
        self._columns = tuple(cell.strip() for cell in cells)
        _check_columns(self._columns)
        return True

    def email(self, line: Line) -> dict[str, Any] | Refusal:
        """What the row says of its email; an empty cell says nothing, but an empty variable is one."""
        cells = _cells(line)
        if isinstance(cells, Refusal):
            return cells
        if len(cells) != len(self._columns):
            return Refusal("malformed_csv", None, f"{len(cells)} cells, but there are {len(self._columns)} columns")
        return _email(zip(self._columns, cells, strict=True))


def _filled(line: Line) -> bool:
    return line.text is None or bool(line.text.strip())


def _shared(head: BatchHead, asked: Asked) -> BatchRequest:
    return BatchRequest(
        emails=[],
        defaults=head.defaults | asked.defaults,
        stream=asked.stream or head.stream,
        tags=asked.tags or head.tags,
        reference=asked.reference or head.reference,
        max_rate=head.max_rate,
    )


def _cells(line: Line) -> list[str] | Refusal:
    try:
        return next(csv.reader([(line.text or b"").decode()], strict=True), [])
    except UnicodeDecodeError:
        return Refusal("malformed_csv", None, "the row is not UTF-8")
    except csv.Error:
        return Refusal("malformed_csv", None, "a quote is in the wrong place, or a cell is too long")


def _check_columns(columns: tuple[str, ...]) -> None:
    if "to" not in columns:
        raise ApiError("malformed_csv", "the first row names the columns, separated by commas; one of them is `to`")
    if len(set(columns)) < len(columns) or "" in columns:
        raise ApiError("malformed_csv", "each column has a name of its own")
    for name in columns:
        prefix, dot, rest = name.partition(".")
        if dot and (prefix not in _PREFIXES or not rest):
            raise ApiError("malformed_csv", "before the dot of a column stands `variables` or `metadata`")


def _email(cells: Iterator[tuple[str, str]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    variables: dict[str, str] = {}
    for column, cell in cells:
        prefix, _, name = column.rpartition(".")
        if column in COLUMNS:
            if cell:
                found[column] = cell
        elif prefix == "metadata":
            if cell:
                found.setdefault("metadata", {})[name] = cell
        else:
            variables[column.removeprefix("variables.")] = cell
    if variables:
        found["variables"] = variables
    return _tidy(found)


def _tidy(found: dict[str, Any]) -> dict[str, Any]:
    """The reserved columns as JSON has them."""
    if (name := found.pop("to_name", None)) is not None and "to" in found:
        found["to"] = {"email": found["to"], "name": name}
    if "tags" in found:
        found["tags"] = [tag.strip() for tag in found["tags"].split(",")]
    return found
