"""A gzip body in pieces of a limited size, and no more of it than its compressed size can account for."""

import zlib
from collections.abc import Iterator
from typing import Final

from services.api.domain.errors import ApiError

RATIO: Final = 200  # how much larger than the compressed body its content may be; lists of recipients reach 5 to 30
GRACE: Final = 16 * 1024 * 1024  # bytes of content that are not measured
_PIECE: Final = 256 * 1024
_GZIP: Final = 16 + zlib.MAX_WBITS


class Inflate:
    """Decompresses one gzip stream, of one member or several (RFC 1952)."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP)
        self._taken = 0
        self._given = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The content of this piece; raises ApiError for what is no gzip, or unpacks to far too much."""
        self._taken += len(data)
        while data:
            if self._member.eof:
                self._member = zlib.decompressobj(_GZIP)
            try:
                piece = self._member.decompress(data, _PIECE)
            except zlib.error:
                raise ApiError("malformed_compression", "this is no gzip stream, or it is damaged") from None
            self._given += len(piece)
            if self._given > max(GRACE, RATIO * self._taken):
                raise ApiError("body_too_large", f"the body unpacks to more than {RATIO} times its size")
            if piece:
                yield piece
            data = self._member.unused_data if self._member.eof else self._member.unconsumed_tail

    def end(self) -> None:
        """Raises ApiError when the stream is cut off."""
        if not self._member.eof:
            raise ApiError("malformed_compression", "the gzip stream is cut off")
