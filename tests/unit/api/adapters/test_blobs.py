"""A blob store that cannot be written to."""

from pathlib import Path

import pytest

from services.api.adapters.blobs import BlobParts
from services.api.domain.errors import ApiError
from shared.blobs import Blobs

pytestmark = pytest.mark.asyncio


async def test_a_part_that_cannot_be_stored(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ApiError) as caught:
        await BlobParts(Blobs((tmp_path / "file" / "blobs").as_uri())).put({"a": b"hello"})
    assert (caught.value.code, caught.value.status) == ("storage_unavailable", 503)
    assert caught.value.headers == {"Retry-After": "5"}
