"""What a simple template is made of: literal text, values, tracked links, loops, choices. Pure."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from markupsafe import escape

Scope = dict[str, Any]
Get = Callable[[Scope], Any]

LOOP: Final = "loop"  # in a scope: the number of the turn from 0, and of all turns
_NUMBERS: Final = (float, bool, type(None))
_MARKUP: Final = re.compile("[&<>\"']")


class Beyond(Exception):
    """Not to be filled in: the rendering process renders the email, or says what is wrong."""


@dataclass(frozen=True, slots=True)
class Text:
    """Text without variables."""

    text: str


@dataclass(frozen=True, slots=True)
class Value:
    """What an expression comes to, escaped in HTML.

    `ours` is an address that we give ourselves; `allowed` refuses values that could mean more than they say.
    """

    get: Get
    escaped: bool
    ours: bool = False
    allowed: Callable[[str], object] | None = None

    def said(self, scope: Scope) -> str:
        """The value as text, not escaped; raises `Beyond`, or what the expression raises."""
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

    def shown(self, scope: Scope) -> str:
        """The value as it stands in the part."""
        text = self.said(scope)
        return str(escape(text)) if self.escaped and _MARKUP.search(text) else text


@dataclass(frozen=True, slots=True)
class Pixel:
    """The image that tells that the mail was opened."""


@dataclass(frozen=True, slots=True)
class Link:
    """The address of a tracked link, of literal text and values."""

    address: Sequence[str | Value]

    def said(self, scope: Scope) -> str:
        """Where it leads."""
        return "".join([part if isinstance(part, str) else part.said(scope) for part in self.address])


@dataclass(frozen=True, slots=True)
class Loop:
    """`{% for target in items %}` over a list."""

    target: str
    items: Get
    body: "Sequence[Piece]"


@dataclass(frozen=True, slots=True)
class Choice:
    """`{% if %}`: the body of the first test that holds."""

    branches: "Sequence[tuple[Get, Sequence[Piece]]]"


Piece = Text | Value | Pixel | Link | Loop | Choice
