"""Open emails and requests for the unit tests."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from shared.commands import SendEmail
from shared.records import OpenEmail

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
EMAIL_ID = UUID("01a20d00-0000-8000-8000-000000000001")
COMMAND_ID = UUID("01a20d00-0000-7000-8000-0000000000c1")
REQUEST = SendEmail(
    email_id=EMAIL_ID, sender="billing@acme.test", to="jo@example.com", subject="s", text="t", command_id=COMMAND_ID
)
OPEN = OpenEmail(
    request=REQUEST,
    status="queued",
    request_hash="hash",
    recipient_ref="ref",
    recipient_domain="example.com",
    queued_at=NOW,
    due_at=NOW,
    expires_at=NOW + timedelta(days=1),
)


def an_open(**changes: Any) -> OpenEmail:
    """An open email with changes."""
    return replace(OPEN, **changes)
