"""A simple template's page with its links tracked and its end put in place once, for all emails.

The page is rewritten with a marker for each value, loop and choice. That gives what rewriting each mail would give, as
no value can change how the page around it is read (markup.py looks).
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final, Literal

from services.sender.adapters.links import rewritten
from services.sender.adapters.markup import CLOSE, MARKER, OPEN, Kind, Look
from services.sender.adapters.pieces import Beyond, Choice, Link, Loop, Piece, Pixel, Text, Value
from shared.rendering.urls import harmless

_Control = Literal["next", "end"]
_Mark = Piece | _Control
_URL: Final = re.compile(r"(?:https?|mailto|tel|cid):")
_PLAIN: Final = re.compile("[^&<>\"'\x00-\x1f\x7f-\xa0]*")


def page(pieces: Sequence[Piece], *, tracked: Callable[[str], bool] | None, end: Sequence[Piece]) -> list[Piece]:
    """`pieces` with tracked links and with `end` at the end of the body; raises `Beyond`.

    `tracked` says whether a link that is known by now is to be tracked; None: no link is.
    """
    marked = _Marked()
    text = marked.text(pieces)
    if harmless(text) != text:
        raise Beyond
    marked.look(text)
    link = None if tracked is None else marked.links(tracked)
    return marked.pieces(rewritten(text, link=link, end="".join(marked.mark(piece) for piece in end)))


class _Marked:
    """A page as text, in which markers stand for pieces."""

    def __init__(self) -> None:
        self._marks: list[_Mark] = []

    def mark(self, mark: _Mark) -> str:
        """A new marker."""
        self._marks.append(mark)
        return f"{OPEN}{len(self._marks) - 1}{CLOSE}"

    def text(self, pieces: Sequence[Piece]) -> str:
        """The pieces as text."""
        return "".join(self._shown(piece) for piece in pieces)

    def _shown(self, piece: Piece) -> str:
        match piece:
            case Text():
                if OPEN in piece.text or CLOSE in piece.text:
                    raise Beyond
                return piece.text
            case Loop():
                return self.mark(piece) + self.text(piece.body) + self.mark("end")
            case Choice():
                bodies = [self.text(body) + self.mark("next") for _, body in piece.branches]
                return self.mark(piece) + "".join(bodies) + self.mark("end")
        return self.mark(piece)

    def look(self, text: str) -> None:
        """See that no value can change how the page is read, and limit those that could change how an address is."""
        look = Look(self._kind)
        look.at(text)
        for number in look.urls:
            self._limit(number, _URL.match)
        for number in look.plain:
            self._limit(number, _PLAIN.fullmatch)

    def _kind(self, number: int) -> Kind:
        match self._marks[number]:
            case "next" | "end" as control:
                return control
            case Loop() | Choice():
                return "begin"
        return "value"

    def _limit(self, number: int, allowed: Callable[[str], object]) -> None:
        value = self._marks[number]
        assert isinstance(value, Value)
        self._marks[number] = replace(value, allowed=allowed)

    def links(self, tracked: Callable[[str], bool]) -> Callable[[str], str | None]:
        """What becomes of each link."""

        def link(url: str) -> str | None:
            parts = [self._value(int(part)) if at % 2 else part for at, part in enumerate(MARKER.split(url))]
            address = [part for part in parts if part != ""]
            if len(address) == 1 and isinstance(address[0], Value) and address[0].ours:
                return None
            if all(isinstance(part, str) for part in address) and not tracked(url):
                return None
            return self.mark(Link(tuple(address)))

        return link

    def _value(self, number: int) -> Value:
        value = self._marks[number]
        assert isinstance(value, Value)
        return value

    def pieces(self, text: str) -> list[Piece]:
        """The pieces that the text stands for."""
        found, stop = self._read(iter(enumerate(MARKER.split(text))))
        if stop is not None:
            raise Beyond
        return found

    def _read(self, parts: Iterator[tuple[int, str]]) -> tuple[list[Piece], _Control | None]:
        """Pieces up to the control that ends them."""
        found: list[Piece] = []
        for at, part in parts:
            mark = self._marks[int(part)] if at % 2 else None
            match mark:
                case None if part:
                    found.append(Text(part))
                case "next" | "end":
                    return found, mark
                case Loop():
                    found.append(Loop(mark.target, mark.items, self._read(parts)[0]))
                case Choice():
                    bodies = [(test, self._read(parts)[0]) for test, _ in mark.branches]
                    found.append(Choice(bodies))
                    self._read(parts)  # the end
                case Value() | Link() | Pixel() | Text():
                    found.append(mark)
        return found, None
