"""Request bodies: JSON of a limited size, decoded into the types of the contract."""

from typing import TypeVar

import msgspec
from fastapi import Request

from services.api.domain.errors import ApiError
from shared.acceptance import from_decode_error

T = TypeVar("T")


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
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise _too_large(limit)
    found = bytearray()
    async for chunk in request.stream():
        found += chunk
        if len(found) > limit:
            raise _too_large(limit)
    return bytes(found)


def _too_large(limit: int) -> ApiError:
    return ApiError("body_too_large", f"the body has more than {limit} bytes")
