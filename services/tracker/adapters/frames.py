"""Records in a file: length, CRC-32 and MessagePack of each, so that a torn or damaged end is seen."""

import struct
import zlib
from typing import Final

import msgspec

from services.tracker.handlers.records import Record

_HEAD: Final = struct.Struct(">II")
_encode: Final = msgspec.msgpack.Encoder().encode
_decoder: Final = msgspec.msgpack.Decoder(Record)


def frame(record: Record) -> bytes:
    """The record as it stands in the file."""
    payload = _encode(record)
    return _HEAD.pack(len(payload), zlib.crc32(payload)) + payload


def whole_frames(data: bytes) -> tuple[list[Record], int]:
    """The records up to the first frame that is torn or damaged, and how many bytes are left from there on."""
    found, end = [], 0
    while len(data) - end >= _HEAD.size:
        length, checksum = _HEAD.unpack_from(data, end)
        payload = data[end + _HEAD.size : end + _HEAD.size + length]
        if len(payload) != length or zlib.crc32(payload) != checksum:
            break
        try:
            found.append(_decoder.decode(payload))
        except msgspec.DecodeError:
            break
        end += _HEAD.size + length
    return found, len(data) - end
