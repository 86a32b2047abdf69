"""API keys: `plk_<prefix>_<secret>`. The prefix names a key in lists, the hash of the whole is all that is stored."""

import hashlib
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.api.domain.errors import ApiError

_KEY: Final = re.compile(r"plk_([a-z0-9]{12})_[a-z0-9]{52}")
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz234567"


SCOPES: Final = ("send", "read", "templates", "admin")  # `admin` may do what the others may, and all else
_WRITES: Final = {"emails": "send", "batches": "send", "templates": "templates"}


@dataclass(frozen=True, kw_only=True)
class StoredKey:
    """What is known of a key."""

    prefix: str
    tenant: str
    secret_hash: bytes
    scopes: frozenset[str] = frozenset({"admin"})
    expires_at: datetime | None = None

    def allow(self, method: str, path: str, *, now: datetime) -> None:
        """Raises ApiError unless the key is valid now, and has a scope for requests of this method to this path."""
        if self.expires_at is not None and self.expires_at <= now:
            raise ApiError("unauthorized", "this API key has expired")
        wanted = scopes_for(method, path)
        if not self.scopes & {*wanted, "admin"}:
            raise ApiError("scope_missing", f"this needs a key with the scope {' or '.join(wanted)}")


def scopes_for(method: str, path: str) -> tuple[str, ...]:
    """The scopes of which one is needed, beside `admin`: by the first part of the path after `/v1/`."""
    about = path.removeprefix("/v1/").partition("/")[0]
    if method in ("GET", "HEAD"):
        return ("read", "templates") if about == "templates" else ("read",)
    if about == "templates" and path.endswith("/test"):
        return ("send",)
    return (_WRITES.get(about, "admin"),)


def check_scopes(scopes: Collection[str]) -> None:
    """Raises ValueError for what is no scope."""
    if unknown := sorted(set(scopes) - set(SCOPES)):
        raise ValueError(f"{', '.join(unknown)}: a scope is one of {', '.join(SCOPES)}")


def make_key(*, entropy: bytes) -> str:
    """A new key of 40 random bytes: 8 bytes name it, 32 are its secret."""
    return f"plk_{_letters(entropy[:8], 12)}_{_letters(entropy[8:40], 52)}"


def prefix_of(key: str) -> str | None:
    """The prefix of a well-formed key."""
    found = _KEY.fullmatch(key)
    return found[1] if found else None


def hash_of(key: str) -> bytes:
    """SHA-256: the secret has 256 bits, so there is nothing for a slow hash to protect."""
    return hashlib.sha256(key.encode()).digest()


def _letters(data: bytes, count: int) -> str:
    number = int.from_bytes(data)
    return "".join(_LETTERS[(number >> 5 * place) & 31] for place in range(count))
