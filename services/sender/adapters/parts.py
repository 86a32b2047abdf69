"""MIME parts (RFC 2045-2047, 2231, 2392): bodies, files, and how they nest. Bytes with CRLF, lines ≤ 76. Pure."""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from services.sender.adapters.content import File
from services.sender.adapters.headers import CannotCompose, fold, require_clean

_LINE_ENDS: Final = re.compile(r"\r\n|\r")
_SHORT: Final = 54  # characters of a parameter's value that fit on a line with its name
_PIECE: Final = re.compile(rf"(?:%[0-9A-F]{{2}}|[^%]){{1,{_SHORT // 3}}}")
_CONTENT_ID: Final = re.compile(r"[!#-;=?-~]+")  # printable ASCII without quotation marks and angle brackets
_BASE64_LINE: Final = 76


@dataclass(frozen=True)
class Part:
    """A part: its content fields, in order, and its body, which ends in CRLF."""

    fields: tuple[str, ...]
    body: bytes

    def __bytes__(self) -> bytes:
        return "".join(f"{field}\r\n" for field in self.fields).encode() + b"\r\n" + self.body


def text_part(text: str, *, subtype: str) -> Part:
    """A text in UTF-8, as quoted-printable or base64, whichever is shorter."""
    text = text if text.endswith(("\n", "\r")) else f"{text}\n"
    quoted, length = encoded_lines(text)
    part = quoted_part(quoted, length=length, subtype=subtype)
    return part or _text_part("base64", _base64(_as_lines(text).replace(b"\n", b"\r\n")), subtype=subtype)


def encoded_lines(text: str) -> tuple[bytes, int]:
    """Whole lines as quoted-printable, which encodes each by itself, and how many bytes they were before, with CRLF."""
    raw = _as_lines(text)
    return binascii.b2a_qp(raw, istext=True).replace(b"\n", b"\r\n"), len(raw) + raw.count(b"\n")


def quoted_part(quoted: bytes, *, length: int, subtype: str) -> Part | None:
    """Lines encoded as quoted-printable, `length` bytes before; None when base64 would be shorter."""
    return _text_part("quoted-printable", quoted, subtype=subtype) if len(quoted) <= length * 1.4 else None


def _text_part(encoding: str, body: bytes, *, subtype: str) -> Part:
    return Part((f"Content-Type: text/{subtype}; charset=utf-8", f"Content-Transfer-Encoding: {encoding}"), body)


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
    return Part(tuple(fields), _base64(file.content))


def multipart(subtype: str, parts: Sequence[Part], *, boundary: str) -> Part:
    """Several parts as one; a single part stays as it is."""
    if len(parts) == 1:
        return parts[0]
    mark = f"--{boundary}".encode()
    body = b"".join(mark + b"\r\n" + bytes(part) for part in parts) + mark + b"--\r\n"
    return Part((f'Content-Type: multipart/{subtype};\r\n boundary="{boundary}"',), body)


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
