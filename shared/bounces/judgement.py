"""The classes and categories of bounces."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

# The class follows from the category. Only one suppresses: see `suppresses`.
CLASS_OF: Final = MappingProxyType(
    {
        "invalid_recipient": "hard",
        "bad_domain": "hard",
        "inactive_mailbox": "hard",
        "mailbox_full": "soft",
        "message_too_large": "soft",
        "bad_connection": "soft",
        "dns_failure": "soft",
        "expired": "soft",
        "policy": "block",
        "spam_content": "block",
        "spam_reputation": "block",
        "rate_limited": "block",
        "auth_failed": "admin",
        "relay_denied": "admin",
        "protocol_error": "admin",
        "auto_reply": "undetermined",
        "uncategorized": "undetermined",
    }
)


@dataclass(frozen=True)
class Judgement:
    """What a bounce means: its class (hard, soft, block, admin, undetermined) and its category."""

    bounce_class: str
    category: str

    @classmethod
    def of(cls, category: str) -> "Judgement":
        """The judgement of a category. Raises KeyError for a category that is none."""
        return cls(CLASS_OF[category], category)

    @property
    def suppresses(self) -> bool:
        """Whether the address must not be sent to again: nobody is there.

        A mailbox that is disabled may be enabled again, and a domain that is gone may come back; neither suppresses.
        """
        return self.category == "invalid_recipient"
