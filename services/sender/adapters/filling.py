"""Fills in a simple template: what is the same in every email is prepared once, and costs next to nothing. Pure.

Whatever is out of the ordinary raises `Beyond`, or what an expression raises.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Final, Protocol

from services.sender.adapters.links import BLANKS, TrackerLinks
from services.sender.adapters.parts import Encoded, Part, encoded_lines, quoted_part
from services.sender.adapters.pieces import LOOP, Beyond, Choice, Get, Link, Loop, Piece, Pixel, Scope, Text, Value

MAX_ROOM: Final = 512 * 1024  # characters of a part
MAX_STEPS: Final = 20_000  # pieces that loops may go through for a part
_MARK: Final = "\x01"
_BORDER: Final = f"{_MARK}\n"
_ENCODED_BORDER: Final = b"=01\r\n"


class Paper:
    """What one part is written on. Lines that are the same in every email come encoded; the others are, at last."""

    __slots__ = ("_lines", "_written", "links", "position", "room", "steps")

    def __init__(self, links: TrackerLinks) -> None:
        self.links = links
        self.position = 0  # of the next tracked link
        self.room = MAX_ROOM
        self.steps = MAX_STEPS
        self._written: list[str] = []  # with a line `_BORDER` where encoded lines come between
        self._lines: list[Encoded] = []

    def write(self, text: str) -> None:
        """Add text."""
        self.room -= len(text)
        if self.room < 0:
            raise Beyond
        self._written.append(text)

    def lines(self, encoded: Encoded) -> None:
        """Add whole lines that are encoded already, at the beginning of a line."""
        self.room -= encoded.length
        self._written.append(_BORDER)
        self._lines.append(encoded)

    def text(self) -> str:
        """What has been written, when no lines were added."""
        return "".join(self._written)

    def part(self, *, subtype: str, watched: Sequence[str] = (), expected: int = 0) -> Part:
        """All of it as a part of the mail. What is watched for must stand so many times outside constant lines."""
        text = self.text()
        if not text.endswith(("\n", "\r")):
            text += "\n"
        if "\0" in text or text.count(_MARK) != len(self._lines) or sum(map(text.count, watched)) != expected:
            raise Beyond  # what a page has not; or a value says what we add
        part = quoted_part(_between(encoded_lines(text), self._lines), subtype=subtype)
        if part is None:
            raise Beyond  # base64 would be shorter
        return part


def _between(text: Encoded, lines: Sequence[Encoded]) -> Encoded:
    """Puts the lines in the place of the borders."""
    whole, relaxed = text.lines.split(_ENCODED_BORDER), text.relaxed[0].split(_ENCODED_BORDER)
    for place, each in enumerate(lines):
        whole.insert(2 * place + 1, each.lines)
        relaxed.insert(2 * place + 1, each.relaxed[0])
    length = sum([each.length for each in lines]) - len(lines) * len(_BORDER + "\r")
    return Encoded(b"".join(whole), tuple(relaxed), text.length + length)


class Step(Protocol):
    """A part of a template, ready to be filled in."""

    @property
    def size(self) -> int:
        """How many steps it counts for within a loop."""

    def fill(self, scope: Scope, paper: Paper) -> None:
        """Write it with the variables of `scope`."""


def prepared(pieces: Sequence[Piece], *, lines: bool) -> list[Step]:
    """The pieces ready to be filled in. With `lines`, literal lines are encoded here, once."""
    steps: list[Step] = []
    for straight, group in groupby(pieces, key=lambda piece: not isinstance(piece, Loop | Choice)):
        if straight:
            steps.append(_Stretch(list(group), lines=lines))
        else:
            steps += [_branching(piece, lines=lines) for piece in group if isinstance(piece, Loop | Choice)]
    return steps


def _branching(piece: Loop | Choice, *, lines: bool) -> Step:
    return _turns(piece, lines=lines) if isinstance(piece, Loop) else _fork(piece, lines=lines)


def fill(steps: Sequence[Step], scope: Scope, paper: Paper) -> None:
    """Write all steps."""
    for step in steps:
        step.fill(scope, paper)


class _Stretch:
    """Text and values without loops and choices. Each value is made once, however often it stands there.

    What it says stands in a table; a unit is the places in it that make up some text, and the lines that follow.
    """

    def __init__(self, pieces: Sequence[Piece], *, lines: bool) -> None:
        self.size = len(pieces) + 1
        self._table = [""]
        self._values: dict[Value, int] = {}
        self._links: list[tuple[int, Link]] = []
        self._pixels: list[int] = []
        self._units: list[tuple[Callable[[Sequence[str]], Sequence[str]], Encoded | None]] = []
        unit = [0]  # with the empty text: `itemgetter` gives a tuple for two places or more
        for piece in pieces:
            if isinstance(piece, Text) and lines and piece.text.count("\n") > 1:
                start, end = piece.text.find("\n") + 1, piece.text.rfind("\n") + 1
                self._unit([*unit, self._literal(piece.text[:start])], encoded_lines(piece.text[start:end]))
                unit = [0, self._literal(piece.text[end:])]
            else:
                unit.append(self._place(piece))
        self._unit(unit, None)

    def _unit(self, places: Sequence[int], lines: Encoded | None) -> None:
        self._units.append((itemgetter(*places), lines))

    def _literal(self, text: str) -> int:
        self._table.append(text)
        return len(self._table) - 1

    def _place(self, piece: Piece) -> int:
        if isinstance(piece, Value) and piece in self._values:
            return self._values[piece]
        place = self._literal(piece.text if isinstance(piece, Text) else "")
        match piece:
            case Value():
                self._values[piece] = place
            case Link():
                self._links.append((place, piece))
            case Pixel():
                self._pixels.append(place)
        return place

    def fill(self, scope: Scope, paper: Paper) -> None:
        """Make the values, then put all together."""
        table = self._table.copy()
        for value, place in self._values.items():
            table[place] = value.shown(scope)
        for place, link in self._links:
            table[place] = _tracked(link.said(scope), paper)
        for place in self._pixels:
            table[place] = paper.links.pixel()
        for text, lines in self._units:
            paper.write("".join(text(table)))
            if lines is not None:
                paper.lines(lines)


def _tracked(url: str, paper: Paper) -> str:
    """The tracker's address; one that is not to be tracked is `Beyond`."""
    signed = paper.links.clicked(url.strip(BLANKS), paper.position)
    if signed is None:
        raise Beyond
    paper.position += 1
    return signed


@dataclass(frozen=True, slots=True)
class _Turns:
    """A loop."""

    target: str
    items: Get
    body: Sequence[Step]
    size: int

    def fill(self, scope: Scope, paper: Paper) -> None:
        """Write the body for each item."""
        items = self.items(scope)
        if type(items) is not list:
            raise Beyond
        paper.steps -= len(items) * self.size
        if paper.steps < 0:
            raise Beyond
        before = {name: scope[name] for name in (self.target, LOOP) if name in scope}
        for number, item in enumerate(items):
            scope[self.target], scope[LOOP] = item, (number, len(items))
            fill(self.body, scope, paper)
        for name in (self.target, LOOP):
            scope.pop(name, None)
        scope.update(before)


@dataclass(frozen=True, slots=True)
class _Fork:
    """A choice."""

    branches: Sequence[tuple[Get, Sequence[Step]]]
    size: int

    def fill(self, scope: Scope, paper: Paper) -> None:
        """Write the body of the first test that holds, or nothing."""
        for test, body in self.branches:
            if test(scope):
                fill(body, scope, paper)
                return


def _turns(loop: Loop, *, lines: bool) -> _Turns:
    body = prepared(loop.body, lines=lines)
    return _Turns(loop.target, loop.items, body, size=_size(body))


def _fork(choice: Choice, *, lines: bool) -> _Fork:
    branches = [(test, prepared(body, lines=lines)) for test, body in choice.branches]
    return _Fork(branches, size=len(branches) + sum(_size(body) for _, body in branches))


def _size(steps: Sequence[Step]) -> int:
    return 1 + sum(step.size for step in steps)
