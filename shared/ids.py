"""Identities that can be derived again: email ids from idempotency keys, event ids from their cause (rule 8)."""

import hashlib
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final
from uuid import UUID

import uuid_utils.compat

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MILLISECOND: Final = 253_402_300_799_999  # 9999-12-31T23:59:59.999Z; the 48 bits of a UUIDv7 hold later ones


def new_id() -> UUID:
    """A UUIDv7 (RFC 9562): for what nobody gave a key."""
    return uuid_utils.compat.uuid7()


@lru_cache(maxsize=20_000)  # an email's id is written a dozen times within a second
def text_of(value: UUID) -> str:
    """The id as it stands in keys and headers."""
    return str(value)


def derived_id(*parts: object) -> UUID:
    """A UUIDv8 (RFC 9562 section 5.8) from the parts: the same parts give the same id, at any time, anywhere."""
    text = "\x1f".join([text_of(part) if type(part) is UUID else str(part) for part in parts])
    value = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16, person=b"postlog-id").digest())
    value = (value & ~(0xF << 76)) | (8 << 76)
    return UUID(int=(value & ~(0x3 << 62)) | (0x2 << 62))


def email_id_for(*, tenant: str, operation: str, key: str, line: int = 0, ordinal: int = 0) -> UUID:
    """The id of the email that a keyed request asks for (P2)."""
    return derived_id("email", tenant, operation, key, line, ordinal)


def batch_id_for(*, tenant: str, key: str) -> UUID:
    """The id of the batch that a keyed request asks for."""
    return derived_id("batch", tenant, key)


def event_id_for(*, subject: object, kind: str, attempt: int = 0, cause: object = None) -> UUID:
    """The id of an event that can be re-made after a crash."""
    return derived_id("event", subject, kind, attempt, cause)


def made_at(value: UUID) -> datetime | None:
    """When a UUIDv7 was made, to the millisecond; None for any other version. Past the year 9999 it says that year."""
    if value.version != 7:
        return None
    return _EPOCH + timedelta(milliseconds=min(value.int >> 80, _LAST_MILLISECOND))
