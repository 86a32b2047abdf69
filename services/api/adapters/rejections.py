"""What was refused of streamed batches: beside the blobs, an object for each thousand lines that have any."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import msgspec
from obstore.exceptions import BaseError

from services.api.domain.errors import ApiError
from services.api.domain.rejections import Rejection
from shared.blobs import Blobs

_decoder: Final = msgspec.json.Decoder(list[Rejection])


class StoredRejections:
    """Objects are named by the index of the first email they speak of, so that the same again replaces them."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    async def put(self, tenant: str, batch_id: UUID, start: int, rejections: Sequence[Rejection]) -> None:
        """Keep those of the emails from index `start` on; what was kept for that start before is replaced."""
        path = f"{_folder(tenant, batch_id)}/{start:012d}"
        try:
            await self._blobs.store().put_async(path, msgspec.json.encode(rejections))
        except (BaseError, OSError) as error:
            raise _away() from error

    async def after(self, tenant: str, batch_id: UUID, index: int, *, limit: int) -> list[Rejection]:
        """Up to so many whose index is larger, in order."""
        found: list[Rejection] = []
        try:
            for start in _from(index, await self._starts(tenant, batch_id)):
                last = found[-1].index if found else index
                found += [one for one in await self._read(tenant, batch_id, start) if one.index > last]
                if len(found) >= limit:
                    break
        except (BaseError, OSError) as error:
            raise _away() from error
        return found[:limit]

    async def _starts(self, tenant: str, batch_id: UUID) -> list[int]:
        found = await self._blobs.store().list(prefix=_folder(tenant, batch_id)).collect_async()
        return sorted(int(one["path"].rpartition("/")[2]) for one in found)

    async def _read(self, tenant: str, batch_id: UUID, start: int) -> list[Rejection]:
        found = await self._blobs.store().get_async(f"{_folder(tenant, batch_id)}/{start:012d}")
        return _decoder.decode((await found.bytes_async()).to_bytes())


def _from(index: int, starts: Sequence[int]) -> list[int]:
    """The objects that may hold larger indexes: the one that this index is in, and those behind it."""
    before = [start for start in starts if start <= index]
    return [*before[-1:], *(start for start in starts if start > index)]


def _folder(tenant: str, batch_id: UUID) -> str:
    return f"rejections/{tenant}/{batch_id}"


def _away() -> ApiError:
    return ApiError("storage_unavailable", "the rejections of a batch cannot be stored or read")
