"""What the demo asks for, and what must become of it: by the table of behaviours and the demo's own settings. Pure."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from cli.demo.customers import Customer
from cli.inbox.behaviours import Behaviour, behaviour_of

ATTEMPTS: Final = 3
DOUBTS_RETRIED: Final = 1
SETTINGS: Final = {  # short, so that nobody waits for days
    "POSTLOG_TRANSACTIONAL_RETRY__FIRST_SECONDS": "1",
    "POSTLOG_TRANSACTIONAL_RETRY__FACTOR": "1.5",
    "POSTLOG_TRANSACTIONAL_RETRY__ATTEMPTS": str(ATTEMPTS),
    "POSTLOG_TRANSACTIONAL_RETRY__IN_DOUBT_RETRIES": str(DOUBTS_RETRIED),
    "POSTLOG_DESTINATION_IN_FLIGHT": "20",
    "POSTLOG_INBOX_SLOW_SECONDS": "2",
    "POSTLOG_BOUNCE_DOMAIN": "bounces.acme.example",
    "POSTLOG_LOG_LEVEL": "warning",
}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """An email that the demo has asked for. `customer` is set for an invoice, `due` for one with a time."""

    email_id: str
    address: str
    subject: str
    customer: Customer | None = None
    batch_id: str | None = None
    due: datetime | None = None
    cancelled: bool = False

    @property
    def behaviour(self) -> Behaviour:
        """What the inbox does with mail for the address."""
        return behaviour_of(self.address)

    @property
    def status(self) -> str:
        """The status that it must end in."""
        return "cancelled" if self.cancelled else self.behaviour.status

    @property
    def attempts(self) -> int:
        """How often the inbox must see it tried."""
        if self.cancelled:
            return 0
        if self.behaviour.drops:
            return 1 + DOUBTS_RETRIED
        if self.status == "failed":
            return ATTEMPTS
        return 2 if self.behaviour.first_only else 1

    @property
    def doubts(self) -> int:
        """How many of its attempts end in doubt."""
        return self.attempts if self.behaviour.drops else 0


@dataclass
class Order:
    """All that was asked for: the emails by id, and how many the API acknowledged for each batch."""

    emails: dict[str, Asked] = field(default_factory=dict)
    batches: dict[str, int] = field(default_factory=dict)

    def add(self, *emails: Asked) -> None:
        """Remember emails."""
        self.emails |= {email.email_id: email for email in emails}

    def cancelled(self, email_id: str) -> None:
        """Remember that an email was cancelled in time."""
        self.emails[email_id] = replace(self.emails[email_id], cancelled=True)

    def readers(self) -> int:
        """How many of the recipients read their mail."""
        return sum(email.behaviour.reads for email in self.emails.values())

    def personal_words(self) -> set[str]:
        """Each address and each name of the input."""
        names = {email.customer.name for email in self.emails.values() if email.customer}
        return names | {email.address for email in self.emails.values()}
