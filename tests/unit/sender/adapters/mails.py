"""An installation, and emails to be composed by it."""

from datetime import UTC, datetime, timedelta
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any
from uuid import UUID

from services.sender.adapters.mime import Composed, House, compose
from shared.commands import Address, SendEmail
from shared.records import OpenEmail
from shared.rendering.renderer import Rendered
from shared.tokens import Keys

NOW = datetime(2026, 11, 24, 8, 0, 0, 123456, tzinfo=UTC)
KEYS = Keys({1: b"k" * 32})
HOUSE = House(keys=KEYS, tracker_url="https://t.acme.test", bounce_domain="bounce.acme.test")


def an_email(**changes: Any) -> OpenEmail:
    """An open email whose request has the changes."""
    fixed: dict[str, Any] = {
        "email_id": UUID("01a20d00-0000-7000-8000-000000000001"),
        "sender": Address("billing@acme.test", "Acme, Inc."),
        "to": "jo@example.com",
        "subject": "Invoice 1",
        "text": "Hello",
    }
    return OpenEmail(
        request=SendEmail(**fixed | changes),
        status="queued",
        request_hash="hash",
        recipient_ref="f" * 32,
        recipient_domain="example.com",
        queued_at=NOW,
        due_at=NOW,
        expires_at=NOW + timedelta(days=1),
    )


def composed(email: OpenEmail, house: House = HOUSE, **more: Any) -> Composed:
    """The message of a literal email."""
    request = email.request
    content = Rendered(subject=request.subject or "", html=request.html, text=request.text)
    return compose(email, content, house=house, **more)


def parsed(mail: Composed) -> EmailMessage:
    """The message as a mail program reads it; whole and well formed."""
    raw = mail.message
    assert raw.count(b"\r\n") == raw.count(b"\r") == raw.count(b"\n") and raw.endswith(b"\r\n")
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998
    message = BytesParser(policy=policy.default).parsebytes(raw)
    assert all(not part.defects for part in message.walk())
    return message
