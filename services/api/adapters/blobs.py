"""The blob store as the handlers see it."""

import asyncio

from obstore.exceptions import BaseError

from services.api.domain.errors import ApiError
from shared.blobs import Blobs


class BlobParts:
    """Stores the large parts of a request."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    async def put(self, parts: dict[str, bytes]) -> None:
        """Store the parts, named by their SHA-256; raises ApiError `storage_unavailable`."""
        try:
            await asyncio.gather(*map(self._blobs.put_async, parts.values()))
        except (BaseError, OSError) as error:
            raise ApiError("storage_unavailable", "a part of the request could not be stored") from error
