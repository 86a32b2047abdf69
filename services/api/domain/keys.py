"""API keys: `plk_<prefix>_<secret>`. The prefix names a key in lists, the hash of the whole is all that is stored."""

import hashlib
import re
from dataclasses import dataclass
from typing import Final

_KEY: Final = re.compile(r"plk_([a-z0-9]{12})_[a-z0-9]{52}")
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz234567"


@dataclass(frozen=True, kw_only=True)
class StoredKey:
    """What is known of a key."""

    prefix: str
    tenant: str
    secret_hash: bytes


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
