"""Blobs in a folder."""

import hashlib
from pathlib import Path

import pytest

from shared.blobs import BlobMissing, Blobs

CONTENT = b"%PDF-1.7 \x00\xff" * 1000
NAME = hashlib.sha256(CONTENT).hexdigest()


def blobs(folder: Path) -> Blobs:
    return Blobs(f"file://{folder}/not/made/yet")


def test_nothing_is_touched_before_the_first_use(tmp_path: Path) -> None:
    blobs(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_kept_by_hash(tmp_path: Path) -> None:
    assert blobs(tmp_path).put(CONTENT) == NAME
    assert blobs(tmp_path).put(CONTENT) == NAME
    assert blobs(tmp_path).get(NAME) == CONTENT
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [NAME]


@pytest.mark.asyncio
async def test_the_same_without_blocking(tmp_path: Path) -> None:
    assert await blobs(tmp_path).put_async(CONTENT) == NAME
    assert await blobs(tmp_path).get_async(NAME) == CONTENT
    with pytest.raises(BlobMissing):
        await blobs(tmp_path).get_async("0" * 64)


@pytest.mark.parametrize("name", ["0" * 64, "", "../../etc/passwd", "A" * 64, "0" * 63])
def test_missing(tmp_path: Path, name: str) -> None:
    with pytest.raises(BlobMissing):
        blobs(tmp_path).get(name)


def test_a_damaged_copy_counts_as_missing_and_is_mended(tmp_path: Path) -> None:
    blobs(tmp_path).put(CONTENT)
    (file,) = (path for path in tmp_path.rglob("*") if path.is_file())
    file.write_bytes(b"")
    with pytest.raises(BlobMissing):
        blobs(tmp_path).get(NAME)
    blobs(tmp_path).put(CONTENT)
    assert blobs(tmp_path).get(NAME) == CONTENT


def test_empty(tmp_path: Path) -> None:
    assert blobs(tmp_path).get(blobs(tmp_path).put(b"")) == b""
