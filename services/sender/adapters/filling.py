"""What a simple template is made of, and how it is filled in: literal text, values, loops, choices. Pure.

Whatever is out of the ordinary raises `Beyond`: then the rendering process renders the email, or says what is wrong.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from markupsafe import escape

from services.sender.adapters.links import BLANKS, TrackerLinks
from services.sender.adapters.parts import Part, encoded_lines, quoted_part

Scope = dict[str, Any]
Get = Callable[[Scope], Any]

MAX_ROOM: Final = 512 * 1024  # characters of a part
MAX_STEPS: Final = 20_000  # pieces that loops may go through for a part
LOOP: Final = "loop"  # in a scope: the number of the turn from 0, and of all turns
_NUMBERS: Final = (float, bool, type(None))


class Beyond(Exception):
    """Not to be filled in."""


class Paper:
    """What one part is written on. Lines that are the same in every email come encoded; the others are, at last."""

    __slots__ = ("_seen", "_watched", "encoded", "length", "links", "position", "room", "steps", "written")

    def __init__(self, links: TrackerLinks, *, watched: Sequence[str] = ()) -> None:
        self.links = links
        self._watched = watched
        self._seen = 0
        self.written: list[str] = []  # since the last line that was encoded
        self.encoded: list[bytes] = []
        self.length = 0  # bytes of what is encoded, as they were before
        self.room = MAX_ROOM
        self.steps = MAX_STEPS
        self.position = 0  # of the next tracked link

    def write(self, value: str) -> None:
        """Add text."""
        self.room -= len(value)
        if self.room < 0:
            raise Beyond
        self.written.append(value)

    def lines(self, encoded: bytes, length: int) -> None:
        """Add lines that are encoded, after a `flush`."""
        self.room -= length
        self.encoded.append(encoded)
        self.length += length

    def flush(self) -> None:
        """Encode the lines that have been written."""
        text = "".join(self.written)
        if "\0" in text:  # a page has none
            raise Beyond
        self._seen += sum(map(text.count, self._watched))
        lines, length = encoded_lines(text)
        self.written.clear()
        self.encoded.append(lines)
        self.length += length

    def text(self) -> str:
        """What has been written, when nothing was encoded."""
        return "".join(self.written)

    def part(self, *, subtype: str, expected: int = 0) -> Part:
        """All of it as a part of the mail. What is watched for must be there so many times outside constant lines."""
        end = "".join(self.written)
        if not end.endswith(("\n", "\r")) and (end or not self.length):
            self.written.append("\n")
        self.flush()
        part = quoted_part(b"".join(self.encoded), length=self.length, subtype=subtype)
        if part is None or self._seen != expected:  # base64 would be shorter, or a value says what we add
            raise Beyond
        return part


class Piece(Protocol):
    """A part of a template."""

    @property
    def size(self) -> int:
        """How many steps it takes within a loop."""

    def fill(self, scope: Scope, paper: Paper) -> None:
        """Write it with the variables of `scope`; raises `Beyond`, or what an expression raises."""


@dataclass(frozen=True, slots=True)
class Text:
    """Text without variables."""

    text: str
    size: int = 1

    def fill(self, scope: Scope, paper: Paper) -> None:
        """Write it."""
        paper.write(self.text)


class Lines:
    """Text without variables. What lies between its first line end and its last is encoded here, once."""

    __slots__ = ("_first", "_last", "_length", "_lines", "_text")
    size = 1

    def __init__(self, text: str) -> None:
        self._text = text
        start, end = text.find("\n") + 1, text.rfind("\n") + 1
        self._first, self._last = text[:start], text[end:]
        self._lines, self._length = encoded_lines(text[start:end])

    def fill(self, scope: Scope, paper: Paper) -> None:
        """Write it: the lines in the middle as they are encoded."""
        if not self._lines:
            paper.write(self._text)
            return
        paper.write(self._first)
        paper.flush()
        paper.lines(self._lines, self._length)
        paper.write(self._last)


@dataclass(frozen=True, slots=True)
class Value:
    """What an expression comes to, escaped in HTML.

    `ours` is an address that we give ourselves; `allowed` refuses values that could mean more than they say.
    """

    get: Get
    escaped: bool
    ours: bool = False
    allowed: Callable[[str], object] | None = None
    size: int = 1

    def said(self, scope: Scope) -> str:
        """The value as text, not escaped."""
        value = self.get(scope)
        kind = type(value)
        if kind is str:
            text: str = value
        elif kind in _NUMBERS or (kind is int and -(2**63) <= value < 2**64):
            text = str(value)
        else:
            raise Beyond
        if self.allowed is not None and not self.allowed(text):
            raise Beyond
        return text

    def fill(self, scope: Scope, paper: Paper) -> None:
        """Write it."""
        text = self.said(scope)
        paper.write(escape(text) if self.escaped else text)


@dataclass(frozen=True, slots=True)
class Pixel:
    """The image that tells that the mail was opened."""

    size: int = 1

    def fill(self, scope: Scope, paper: Paper) -> None:
        """Write it."""
        paper.write(paper.links.pixel())


@dataclass(frozen=True, slots=True)
class Link:
    """The address of a tracked link, of literal text and values."""

    address: Sequence[str | Value]
    size: int = 1

    def fill(self, scope: Scope, paper: Paper) -> None:
        """Write the tracker's address; one that is not to be tracked is `Beyond`."""
        url = "".join([part if type(part) is str else part.said(scope) for part in self.address])  # type: ignore[union-attr]
        signed = paper.links.clicked(url.strip(BLANKS), paper.position)
        if signed is None:
            raise Beyond
        paper.position += 1
        paper.write(signed)


@dataclass(frozen=True, slots=True)
class Loop:
    """`{% for target in items %}` over a list."""

    target: str
    items: Get
    body: Sequence[Piece]
    size: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", sum(piece.size for piece in self.body) + 1)

    def fill(self, scope: Scope, paper: Paper) -> None:
        """Write its body for each item."""
        items = self.items(scope)
        if type(items) is not list:
            raise Beyond
        paper.steps -= len(items) * self.size
        if paper.steps < 0:
            raise Beyond
        before = {name: scope[name] for name in (self.target, LOOP) if name in scope}
        for number, item in enumerate(items):
            scope[self.target], scope[LOOP] = item, (number, len(items))
            for piece in self.body:
                piece.fill(scope, paper)
        for name in (self.target, LOOP):
            scope.pop(name, None)
        scope.update(before)


@dataclass(frozen=True, slots=True)
class Choice:
    """`{% if %}`: the body of the first test that holds."""

    branches: Sequence[tuple[Get, Sequence[Piece]]]
    size: int = field(init=False)

    def __post_init__(self) -> None:
        bodies = [piece.size for _, body in self.branches for piece in body]
        object.__setattr__(self, "size", sum(bodies) + len(self.branches))

    def fill(self, scope: Scope, paper: Paper) -> None:
        """Write one of the bodies, or nothing."""
        for test, body in self.branches:
            if test(scope):
                for piece in body:
                    piece.fill(scope, paper)
                return
