"""MIME parts (RFC 2045-2047, 2231, 2392): bodies, files, and how they nest. Bytes with CRLF, lines ≤ 76. Pure."""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple
from urllib.parse import quote

from services.sender.adapters.canonical import relaxed
from services.sender.adapters.content import File
from services.sender.adapters.headers import CannotCompose, fold, require_clean

_LINE_ENDS: Final = re.compile(r"\r\n|\r")
_SHORT: Final = 54  # characters of a parameter's value that fit on a line with its name
_PIECE: Final = re.compile(rf"(?:%[0-9A-F]{{2}}|[^%]){{1,{_SHORT // 3}}}")
_CONTENT_ID: Final = re.compile(r"[!#-;=?-~]+")  # printable ASCII without quotation marks and angle brackets
_BASE64_LINE: Final = 76


@dataclass(frozen=True)
class Part:
    """A part: its content fields, in order, and its body, which ends in CRLF. `relaxed` is the body to be hashed."""

    fields: tuple[str, ...]
    body: bytes
    relaxed: tuple[bytes, ...]

    def head(self) -> bytes:
        """The fields, and the empty line after them."""
        return "".join(f"{field}\r\n" for field in self.fields).encode() + b"\r\n"

    def __bytes__(self) -> bytes:
        return self.head() + self.body


class Encoded(NamedTuple):
    """Whole lines as quoted-printable, as DKIM hashes them, and how many bytes they were before, with CRLF."""

    lines: bytes
    relaxed: tuple[bytes, ...]
    length: int


def text_part(text: str, *, subtype: str) -> Part:
    """A text in UTF-8, as quoted-printable or base64, whichever is shorter."""
    text = text if text.endswith(("\n", "\r")) else f"{text}\n"
    part = quoted_part(encoded_lines(text), subtype=subtype)
    if part is not None:
        return part
    body = _base64(_as_lines(text).replace(b"\n", b"\r\n"))
    return _text_part("base64", body, (body,), subtype=subtype)


def encoded_lines(text: str) -> Encoded:
    """Whole lines as quoted-printable, which encodes each by itself."""
    raw = _as_lines(text)
    lines = binascii.b2a_qp(raw, istext=True).replace(b"\n", b"\r\n")
    return Encoded(lines, (relaxed(lines),), len(raw) + raw.count(b"\n"))


def quoted_part(text: Encoded, *, subtype: str) -> Part | None:
    """A text that is encoded as quoted-printable; None when base64 would be shorter."""
    if len(text.lines) > text.length * 1.4:
        return None
    return _text_part("quoted-printable", text.lines, text.relaxed, subtype=subtype)


def _text_part(encoding: str, body: bytes, hashed: tuple[bytes, ...], *, subtype: str) -> Part:
    fields = (f"Content-Type: text/{subtype}; charset=utf-8", f"Content-Transfer-Encoding: {encoding}")
    return Part(fields, body, hashed)


def _as_lines(text: str) -> bytes:
    return (_LINE_ENDS.sub("\n", text) if "\r" in text else text).encode("utf-8", "replace")


def file_part(file: File) -> Part:
    """A file, as an attachment or, with a content id, inline."""
    kind = "attachment" if file.content_id is None else "inline"
    fields = [
        fold("Content-Type:", require_clean("Content-Type", file.content_type)),
        "Content-Transfer-Encoding: base64",
        f"Content-Disposition: {kind};{_filename(require_clean('a file name', file.filename))}",
    ]
    if file.content_id is not None:
        if not _CONTENT_ID.fullmatch(file.content_id):
            raise CannotCompose("a content id has characters that it must not have")
        fields.append(f"Content-ID: <{file.content_id}>")
    body = _base64(file.content)
    return Part(tuple(fields), body, (body,))  # there is no white space in it


def multipart(subtype: str, parts: Sequence[Part], *, boundary: str) -> Part:
    """Several parts as one; a single part stays as it is."""
    if len(parts) == 1:
        return parts[0]
    mark = f"--{boundary}".encode()
    heads = [mark + b"\r\n" + part.head() for part in parts]
    end = mark + b"--\r\n"
    body = b"".join([bit for head, part in zip(heads, parts, strict=True) for bit in (head, part.body)]) + end
    hashed = [bit for head, part in zip(heads, parts, strict=True) for bit in (relaxed(head), *part.relaxed)]
    return Part((f'Content-Type: multipart/{subtype};\r\n boundary="{boundary}"',), body, (*hashed, end))


def _base64(raw: bytes) -> bytes:
    text = base64.b64encode(raw)
    return b"".join(text[start : start + _BASE64_LINE] + b"\r\n" for start in range(0, len(text), _BASE64_LINE))


def _filename(name: str) -> str:
    """The parameter `filename`: quoted when it is short ASCII, else by RFC 2231, in pieces where it is long."""
    if name.isascii() and len(name) <= _SHORT:
        return '\r\n filename="' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    encoded = quote(name, safe="", encoding="utf-8")
    if len(encoded) <= _SHORT:
        return f"\r\n filename*=utf-8''{encoded}"
    pieces = _PIECE.findall(encoded)
    start = "utf-8''"
    return ";".join(f"\r\n filename*{n}*={start if n == 0 else ''}{piece}" for n, piece in enumerate(pieces))
