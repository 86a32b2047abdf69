"""The caller's own header fields: none of those that Postlog writes itself, and nothing that breaks the header."""

import re
from typing import Final

from shared.acceptance.limits import MAX_HEADER_VALUE, MAX_HEADERS
from shared.acceptance.refusal import Refused
from shared.acceptance.texts import require_clean, require_few
from shared.commands import SendEmail

_FIELD_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,75}")
DENIED: Final = frozenset(
    {
        "from",
        "to",
        "cc",
        "bcc",
        "subject",
        "date",
        "message-id",
        "reply-to",
        "sender",
        "return-path",
        "received",
        "received-spf",
        "mime-version",
        "feedback-id",
        "authentication-results",
        "delivered-to",
        "envelope-to",
        "apparently-to",
        "errors-to",
        "domainkey-signature",
    }
)
DENIED_FAMILIES: Final = ("content-", "dkim-", "arc-", "resent-", "list-unsubscribe", "x-postlog-")


def check_headers(command: SendEmail) -> None:
    """Refuse header fields that are ours, and names and values that are not plain."""
    require_few(len(command.headers), field="headers", most=MAX_HEADERS)
    seen: set[str] = set()
    for name, value in command.headers.items():
        if not _FIELD_NAME.fullmatch(name):
            code = "invalid_characters" if not name.isprintable() else "header_not_allowed"
            raise Refused(code, "headers", "a name is 1 to 76 letters, digits and hyphens")
        field, lower = f"headers.{name}", name.lower()
        if lower in DENIED or lower.startswith(DENIED_FAMILIES):
            raise Refused("header_not_allowed", field, "this header is written by the service")
        if lower in seen:
            raise Refused("header_not_allowed", field, "this header stands twice")
        seen.add(lower)
        require_clean(value, field=field, longest=MAX_HEADER_VALUE)
