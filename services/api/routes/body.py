"""Request bodies: JSON of a limited size, decoded into the types of the contract."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final, TypeVar

import msgspec
from fastapi import Request

from services.api.domain.errors import ApiError
from shared.acceptance import from_decode_error

T = TypeVar("T")
_PATIENCE_SECONDS: Final = 5.0
_PATIENCE_BYTES: Final = 32 * 1024 * 1024


async def read(request: Request, kind: type[T], *, limit: int) -> T:
    """The body as a `kind`; raises ApiError for what is too large, no JSON, or something else."""
    data = await _read_bytes(request, limit=limit)
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ApiError.of(from_decode_error(error)) from None


async def read_optional(request: Request, kind: type[T], *, limit: int) -> T | None:
    """As `read`, but None for no body at all."""
    if request.headers.get("content-length", "0") == "0" and "transfer-encoding" not in request.headers:
        return None
    return await read(request, kind, limit=limit)


async def _read_bytes(request: Request, *, limit: int) -> bytes:
    if request.headers.get("content-encoding", "identity") != "identity":
        raise ApiError("unsupported_encoding")
    found = bytearray()
    stream = request.stream()
    async for chunk in stream:
        found += chunk
        if len(found) > limit:
            await let_finish(stream)
            raise ApiError("body_too_large", f"the body has more than {limit} bytes")
    return bytes(found)


async def let_finish(stream: AsyncIterator[bytes]) -> None:
    """Read on for a while: a client that is still writing when the connection closes may never see the answer."""
    seen = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE_SECONDS):
            async for chunk in stream:
                seen += len(chunk)
                if seen > _PATIENCE_BYTES:
                    return
