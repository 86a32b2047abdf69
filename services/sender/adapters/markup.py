"""Looks whether values filled into a page could change how the page is read; then it is `Beyond`. Pure.

Values are escaped. So they may stand in text and in quoted attributes; loops and choices may stand in text. The page is
read in the terms of HTML's own tokenizer (WHATWG HTML, section 13.2.5), leaving out all that is doubtful.
"""

import re
from collections.abc import Callable
from html import unescape
from typing import Final, Literal

from services.sender.adapters.pieces import Beyond
from shared.rendering.urls import ATTRIBUTES

OPEN, CLOSE = "\ue000", "\ue001"
MARKER: Final = re.compile(f"{OPEN}(\\d+){CLOSE}")

_NAME: Final = f"[^\\s\"'<>/={OPEN}]+"
_VALUE: Final = f"\"[^\"]*\"|'[^']*'|[^\\s\"'<>=`{OPEN}]+"
_ATTRIBUTE: Final = re.compile(f"\\s+({_NAME})(?:\\s*=\\s*({_VALUE}))?")
_TOKEN: Final = re.compile(
    f"(?P<text>[^<]+|<(?![A-Za-z/!?{OPEN}]))"
    "|<!--(?!-?>)(?P<comment>.*?)-->"
    f"|<!(?!--|\\[CDATA)[^>{OPEN}]*>"
    f"|</(?P<closed>[A-Za-z][^\\s/>{OPEN}]*)\\s*>"
    f"|<(?P<opened>[A-Za-z][^\\s/>{OPEN}]*)(?P<attributes>(?:\\s+{_NAME}(?:\\s*=\\s*(?:{_VALUE}))?)*)\\s*/?>",
    re.DOTALL,
)
_OTHER_RULES: Final = frozenset(
    ("script", "plaintext", "xmp", "iframe", "noembed", "noframes", "noscript", "svg", "math", "frameset", "select")
)
_RAW: Final = frozenset(("style", "title", "textarea"))
_ONCE: Final = frozenset(("html", "head", "body"))
_HALF_REFERENCE: Final = re.compile(f"&[#A-Za-z0-9]*{OPEN}")
_COMMENT_END: Final = re.compile(f"--!|{CLOSE}[-!>]")
_DECIDED: Final = re.compile("[:/?#]")


Kind = Literal["value", "begin", "next", "end"]


class Look:
    """One look at one page. `kind` says what a marker stands for: a value, or a point of a loop or choice.

    Found: `urls`, values that decide which scheme an address has; `plain`, values in a tag that is written anew.
    """

    def __init__(self, kind: Callable[[int], Kind]) -> None:
        self._kind = kind
        self._blocks: list[list[str]] = []  # for each loop and choice we are in: the elements opened in it
        self.urls: list[int] = []
        self.plain: list[int] = []

    def at(self, page: str) -> None:
        """Look at all of it; raises `Beyond`."""
        place = 0
        while place < len(page):
            token = _TOKEN.match(page, place)
            if token is None:
                raise Beyond
            place = token.end()
            if token["opened"]:
                self._opened(token["opened"].lower(), token["attributes"])
                if token["opened"].lower() in _RAW:
                    place = self._raw(page, place, name=token["opened"])
            elif token["closed"]:
                self._closed(token["closed"].lower())
            elif token["comment"]:
                self._comment(token["comment"] + "-")
            else:
                self._text(token["text"] or "")

    def _text(self, text: str) -> None:
        for number in _numbers(text):
            match self._kind(number):
                case "begin":
                    self._blocks.append([])
                case "next":
                    self._blocks[-1].clear()
                case "end":
                    self._blocks.pop()

    def _opened(self, name: str, attributes: str) -> None:
        if name in _OTHER_RULES or (self._blocks and name in _ONCE):
            raise Beyond
        if self._blocks:
            self._blocks[-1].append(name)
        if OPEN in attributes:
            for attribute, value in _ATTRIBUTE.findall(attributes):
                self._attribute(name, attribute.lower(), value=value[1:-1])

    def _attribute(self, element: str, name: str, *, value: str) -> None:
        numbers = self._values(value)
        if not numbers:
            return
        if _HALF_REFERENCE.search(value):
            raise Beyond
        if name in ATTRIBUTES:
            start = unescape(value.partition(OPEN)[0]).strip()
            if not start:
                self.urls.append(numbers[0])
            elif not _DECIDED.search(start):
                raise Beyond
        if element == "a" and name != "href":
            self.plain += numbers

    def _closed(self, name: str) -> None:
        """Within a loop or choice, what ends must have begun in it."""
        if not self._blocks:
            return
        opened = self._blocks[-1]
        if name not in opened:
            raise Beyond
        while opened.pop() != name:
            pass

    def _comment(self, text: str) -> None:
        if self._values(text) and _COMMENT_END.search(text):
            raise Beyond

    def _raw(self, page: str, start: int, *, name: str) -> int:
        """Skip the text of an element in which there are no elements; where its end tag stands."""
        end = page.lower().find(f"</{name.lower()}", start)
        if end < 0:
            raise Beyond
        self._values(page[start:end])
        return end

    def _values(self, text: str) -> list[int]:
        """The values that stand in `text`, where nothing else may."""
        numbers = _numbers(text)
        if any(self._kind(number) != "value" for number in numbers):
            raise Beyond
        return numbers


def _numbers(text: str) -> list[int]:
    return [int(number) for number in MARKER.findall(text)]
