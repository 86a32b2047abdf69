"""Large things (attachments, big bodies), stored once by the SHA-256 of their bytes: a folder, S3, GCS or Azure."""

import hashlib
import re
from typing import Final

import obstore
from obstore.store import ObjectStore, from_url

_NAME: Final = re.compile(r"[0-9a-f]{64}")


class BlobMissing(Exception):
    """No bytes of this name are stored, or what is stored is not what the name says."""

    def __init__(self, sha256: str) -> None:
        super().__init__(f"the blob {sha256:.64} is not stored")


class Blobs:
    """A store of blobs at `url`: `file:///folder`, `s3://bucket/prefix`, `gs://…`, `az://…`. Connects on first use."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._opened: ObjectStore | None = None

    def put(self, content: bytes) -> str:
        """Store `content`; its name. Storing the same again changes nothing (it mends a damaged copy)."""
        name = hashlib.sha256(content).hexdigest()
        obstore.put(self.store(), _path(name), content)
        return name

    async def put_async(self, content: bytes) -> str:
        """As `put`."""
        name = hashlib.sha256(content).hexdigest()
        await obstore.put_async(self.store(), _path(name), content)
        return name

    def get(self, sha256: str) -> bytes:
        """The bytes of that name; raises `BlobMissing`."""
        try:
            found = obstore.get(self.store(), _path(sha256))
        except FileNotFoundError:
            raise BlobMissing(sha256) from None
        return _checked(sha256, found.bytes().to_bytes())

    async def get_async(self, sha256: str) -> bytes:
        """As `get`."""
        try:
            found = await obstore.get_async(self.store(), _path(sha256))
        except FileNotFoundError:
            raise BlobMissing(sha256) from None
        return _checked(sha256, (await found.bytes_async()).to_bytes())

    def store(self) -> ObjectStore:
        """Where they are: for things beside the blobs that have names of another kind."""
        if self._opened is None:
            folder = self._url.startswith("file:")
            self._opened = from_url(self._url, mkdir=True) if folder else from_url(self._url)
        return self._opened


def _path(sha256: str) -> str:
    if not _NAME.fullmatch(sha256):
        raise BlobMissing(sha256)
    return f"{sha256[:2]}/{sha256}"


def _checked(sha256: str, content: bytes) -> bytes:
    if hashlib.sha256(content).hexdigest() != sha256:
        raise BlobMissing(sha256)
    return content
