"""Header fields and cursors that clients give: `Prefer: wait` (RFC 7240), `Idempotency-Key`, opaque cursors."""

import base64
import binascii
import re
from datetime import datetime
from typing import Final, TypeVar
from uuid import UUID

import msgspec

from services.api.domain.errors import ApiError

LONGEST_WAIT: Final = 30.0  # seconds
_WAIT: Final = re.compile(r"(?:^|[,;])\s*wait\s*=\s*\"?(\d{1,6})\"?\s*(?:$|[,;])", re.IGNORECASE)
_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")


class EmailCursor(msgspec.Struct, frozen=True, array_like=True):
    """Where a page of emails ended."""

    at: datetime
    email_id: UUID


class EventCursor(msgspec.Struct, frozen=True, array_like=True):
    """Where a page of facts ended."""

    at: datetime
    partition: int
    offset: int


class SuppressionCursor(msgspec.Struct, frozen=True, array_like=True):
    """Where a page of suppressions ended."""

    recipient_ref: str
    scope: str


class RejectionCursor(msgspec.Struct, frozen=True, array_like=True):
    """Where a page of rejections ended."""

    index: int


C = TypeVar("C", EmailCursor, EventCursor, SuppressionCursor, RejectionCursor)


def wait_of(prefer: str | None) -> float | None:
    """Seconds that the client prefers to wait, capped; None when it says nothing that we understand."""
    found = _WAIT.search(prefer or "")
    return min(float(found[1]), LONGEST_WAIT) if found else None


def idempotency_key(given: str | None) -> str | None:
    """The key, checked: 1 to 255 visible ASCII characters."""
    if given is not None and not _KEY.fullmatch(given):
        raise ApiError("invalid_parameter", "1 to 255 visible ASCII characters", field="Idempotency-Key")
    return given


def write_cursor(cursor: EmailCursor | EventCursor | SuppressionCursor | RejectionCursor) -> str:
    """The cursor as clients see it."""
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(cursor)).decode().rstrip("=")


def read_cursor(text: str | None, kind: type[C]) -> C | None:
    """The cursor that a client gives back; it carries no authority, so it is not signed."""
    if text is None:
        return None
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        return msgspec.msgpack.decode(data, type=kind)
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        raise ApiError("invalid_parameter", "not a cursor of this service", field="cursor") from None
