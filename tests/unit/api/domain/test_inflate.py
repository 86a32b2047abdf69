"""gzip bodies: what they hold whatever the pieces are, and no bombs."""

import gzip
import os
import zlib

import pytest

from services.api.domain.errors import ApiError
from services.api.domain.inflate import GRACE, RATIO, Inflate


def unpacked(data: bytes, size: int) -> bytes:
    inflate = Inflate()
    found = b"".join(piece for at in range(0, len(data), size) for piece in inflate.feed(data[at : at + size]))
    inflate.end()
    return found


@pytest.mark.parametrize("size", [1, 100, 10**6])
def test_members_one_after_another(size: int) -> None:
    first, second = os.urandom(5000), b"x" * 1_000_000
    assert unpacked(gzip.compress(first) + gzip.compress(second), size) == first + second


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = gzip.compress(b"\0" * (4 * GRACE))
    assert len(bomb) * RATIO < 4 * GRACE
    given: list[int] = []
    with pytest.raises(ApiError, match="body_too_large"):
        given.extend(map(len, Inflate().feed(bomb)))
    assert sum(given) <= max(GRACE, RATIO * len(bomb))


@pytest.mark.parametrize("data", [b"no gzip", zlib.compress(b"x"), gzip.compress(b"x" * 5000, mtime=0)[:-4], b""])
def test_what_is_no_whole_gzip_stream(data: bytes) -> None:
    with pytest.raises(ApiError, match="malformed_compression"):
        unpacked(data, 10)
