"""Cuts what an SMTP server sends into replies (RFC 5321 section 4.2). Pure."""

from collections import deque
from typing import Final, NamedTuple

MAX_LINE: Final = 2048  # octets; RFC 5321 allows 512
MAX_LINES: Final = 100
MAX_REPLY: Final = 64 * 1024  # octets

_CODE: Final = 3  # digits


class NotAReply(ValueError):
    """What came is not a reply of SMTP, or is longer than any reply may be."""


class Reply(NamedTuple):
    """A reply: its code, and the text of each of its lines."""

    code: int
    lines: tuple[bytes, ...]

    @property
    def text(self) -> str:
        """The text, lines separated by LF; octets that are no UTF-8 are kept as surrogates."""
        return b"\n".join(self.lines).decode("utf-8", "surrogateescape")


class ReplyReader:
    """Fed as octets come, in whatever pieces. A bare LF is taken for a line end too: nothing can be smuggled by one."""

    def __init__(self) -> None:
        self.replies: deque[Reply] = deque()
        self._rest = b""  # of a line
        self._lines: list[bytes] = []  # of a reply that goes on
        self._size = 0

    @property
    def empty(self) -> bool:
        """Whether there is nothing: no reply, and no part of one."""
        return not (self.replies or self._rest or self._lines)

    def feed(self, data: bytes) -> None:
        """Append what is whole to `replies`; raises `NotAReply`, after having kept the replies before that."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._line(line)
        if len(self._rest) > MAX_LINE:
            raise NotAReply("a line of a reply has no end")

    def _line(self, line: bytes) -> None:
        code, mark = line[:_CODE], line[_CODE : _CODE + 1]
        if len(code) < _CODE or not code.isdigit() or mark not in b" -\r" or len(line) > MAX_LINE:
            raise NotAReply("a line is not one of a reply")
        text = line[_CODE + 1 :].strip()
        if mark == b"-":
            self._go_on(text)
        else:
            self.replies.append(Reply(int(code), (*self._lines, text)))
            self._lines, self._size = [], 0

    def _go_on(self, text: bytes) -> None:
        self._lines.append(text)
        self._size += len(text)
        if len(self._lines) >= MAX_LINES or self._size > MAX_REPLY:
            raise NotAReply("a reply has no end")
