"""Header fields as they go over the wire (RFC 5322, 2047, 6532): folded, encoded where they must be. Pure.

A field is text without its last CRLF. Lines are at most 78 characters where there is white space to fold at.
"""

import re
from binascii import b2a_base64
from typing import Final

from services.sender.wire import MAX_LINE

WIDTH: Final = 78
_WORD: Final = re.compile(r" *[^ ]+")
_LONGEST_WORD: Final = MAX_LINE - WIDTH  # a longer one is cut into encoded words
_LONGEST_ENCODED: Final = 75
_WORD_ROOM: Final = _LONGEST_ENCODED - len("=?utf-8?b??=")  # characters of base64 in an encoded word
_LEAST_ROOM: Final = 8  # a character of four bytes takes so much
_PHRASE: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_UNCLEAN: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_FIELD_NAME: Final = re.compile(r"[!-9;-~]+")


class CannotCompose(Exception):
    """The mail cannot be made so that it may be sent; the message says why, without any of its values."""


def require_clean(name: str, value: str) -> str:
    """`value`, if it can stand in the field `name`; the acceptance rules have said so, this is the last look."""
    if _UNCLEAN.search(value):
        raise CannotCompose(f"{name} has a line end or a control character")
    return value


def text_field(name: str, value: str) -> str:
    """An unstructured field: `value` as it is when it is ASCII, else in encoded words."""
    if not _FIELD_NAME.fullmatch(name):
        raise CannotCompose("a header field has no proper name")
    value = require_clean(name, value).strip()
    if _must_encode(value):
        return f"{name}: {_encoded(value, field=name)}"
    return fold(f"{name}:", value)


def address_field(name: str, address: str, *, display: str | None = None) -> str:
    """A field with one mailbox. The address stands as it is, in UTF-8 when it is not ASCII."""
    require_clean(name, address)
    phrase = require_clean(name, display or "").strip()
    if not phrase:
        return f"{name}: {address}"
    shown = f"{name}: {_phrase(phrase, field=name)}"
    last = shown.rpartition("\n")[2]
    gap = " " if len(last) + len(address) + 3 <= WIDTH else "\r\n "
    return f"{shown}{gap}<{address}>"


def fold(start: str, value: str) -> str:
    """`start` and the words of `value`, folded before a word that would go past the width."""
    lines, line = [], start
    for word in _WORD.findall(f" {value}" if value else ""):
        if len(line) + len(word) > WIDTH and line != start:
            lines.append(line)
            line = ""
        line += word
    return "\r\n".join([*lines, line])


def _must_encode(value: str) -> bool:
    return not value.isascii() or "=?" in value or any(len(word) > _LONGEST_WORD for word in value.split(" "))


def _encoded(value: str, *, field: str) -> str:
    """`value` in encoded words (RFC 2047): UTF-8 in base64, no character torn."""
    raw, words, start = value.encode(), [], 0
    room = _WORD_ROOM - max(0, len(field) + 2 - (WIDTH - _LONGEST_ENCODED))
    if room < _LEAST_ROOM:
        words, room = [""], _WORD_ROOM
    while start < len(raw):
        end = start + room // 4 * 3
        while end < len(raw) and raw[end] & 0xC0 == 0x80:
            end -= 1
        words.append(f"=?utf-8?b?{b2a_base64(raw[start:end], newline=False).decode()}?=")
        start, room = end, _WORD_ROOM
    return "\r\n ".join(words)


def _phrase(display: str, *, field: str) -> str:
    if _must_encode(display):
        return _encoded(display, field=field)
    if _PHRASE.fullmatch(display):
        return display
    return '"' + display.replace("\\", "\\\\").replace('"', '\\"') + '"'
