"""A body that comes in pieces, as lines: of a limited length each, numbered as an editor shows them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from services.api.domain.errors import ApiError

LONGEST: Final = 1024 * 1024  # bytes of a line, or of a CSV row with its line ends


@dataclass(frozen=True, slots=True)
class Line:
    """A line without its end; `text` is None when it was longer than a line may be. `number` counts from 1."""

    number: int
    text: bytes | None


class Lines:
    """Splits at line feeds; of a line that is too long nothing is kept."""

    def __init__(self) -> None:
        self._rest = b""
        self._number = 0
        self._too_long = False

    def feed(self, data: bytes) -> Iterator[Line]:
        """The lines that are complete with this piece."""
        first, *others = data.split(b"\n")
        self._keep(self._rest + first)
        for piece in others:
            yield self._complete()
            self._keep(piece)

    def end(self) -> Iterator[Line]:
        """The last line, when nothing ended it."""
        if self._rest or self._too_long:
            yield self._complete()

    def _keep(self, text: bytes) -> None:
        self._too_long = self._too_long or len(text) > LONGEST
        self._rest = b"" if self._too_long else text

    def _complete(self) -> Line:
        self._number += 1
        line = Line(self._number, None if self._too_long else self._rest.removesuffix(b"\r"))
        self._rest, self._too_long = b"", False
        return line


class Rows:
    """Joins the lines of a CSV row: a quoted cell may hold line ends (RFC 4180). Empty rows are left out."""

    def __init__(self) -> None:
        self._begun: list[bytes] = []
        self._number = 0
        self._size = 0

    def join(self, lines: Iterable[Line]) -> Iterator[Line]:
        """The rows that are complete with these lines; raises ApiError when a quoted cell goes on for too long."""
        for line in lines:
            if not self._begun:
                self._number, self._size = line.number, 0
            self._size += LONGEST if line.text is None else len(line.text) + 1
            if line.text is None or self._size > LONGEST:
                raise self._unended()
            if line.text.count(b'"') % 2 == bool(self._begun):
                yield from self._complete(line.text)
            else:
                self._begun.append(line.text)

    def end(self) -> None:
        """Raises ApiError when a quoted cell has not ended."""
        if self._begun:
            raise self._unended()

    def _complete(self, last: bytes) -> Iterator[Line]:
        text = b"\n".join([*self._begun, last])
        self._begun = []
        if text.strip():
            yield Line(self._number, text)

    def _unended(self) -> ApiError:
        detail = f"the row that begins in line {self._number} does not end: it is too long, or a quote is missing"
        return ApiError("malformed_csv", detail)
