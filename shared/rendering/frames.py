"""What the sender and its rendering children say to each other: four bytes length, then msgpack."""

import struct
from typing import Any, Final

import msgspec

LENGTH: Final = struct.Struct(">I")
OUT_OF_MEMORY: Final = 3  # a child's exit code


class Request(msgspec.Struct, array_like=True):
    """A template version, and what to render it with. `cpu_seconds` ends a child whose parent is gone."""

    tenant: str
    name: str
    version: int
    subject: str
    html: str | None
    text: str | None
    variables: dict[str, Any]
    cpu_seconds: float


class Answer(msgspec.Struct, array_like=True):
    """The parts, or why there are none."""

    subject: str = ""
    html: str | None = None
    text: str | None = None
    failure: str | None = None


_encode = msgspec.msgpack.Encoder().encode
_request = msgspec.msgpack.Decoder(Request)
_answer = msgspec.msgpack.Decoder(Answer)


def frame(message: Request | Answer) -> bytes:
    """The message as it goes over the socket; raises what msgspec raises for values that have no form there."""
    body = _encode(message)
    return LENGTH.pack(len(body)) + body


def request(body: bytes) -> Request:
    """The request in a frame's body."""
    return _request.decode(body)


def answer(body: bytes) -> Answer:
    """The answer in a frame's body."""
    return _answer.decode(body)
