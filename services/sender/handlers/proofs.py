"""Doubts settled by proof: facts of others about an email in doubt, found on the log before anybody decides."""

from collections import deque
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from services.sender.domain.decision import NOTHING
from services.sender.domain.doubts import prove
from services.sender.group import Group
from shared.clock import Clock
from shared.events import EmailEvent
from shared.records import OpenEmail

LOOK_SECONDS: Final = 0.5  # how often the tables are asked which emails are in doubt
PATIENCE: Final = 4.0  # seconds after it is due that a decision waits for the log to be read


class Reader(Protocol):
    """Reads `email.events`."""

    found: deque[tuple[int, EmailEvent]]

    def look_for(self, wanted: dict[int, dict[UUID, datetime]]) -> None:
        """From now on look for proof about these emails, by partition, from these times on."""

    def has_looked(self, partition: int, email_id: UUID, *, until: float) -> bool:
        """Whether what the log had about the email at `until` (epoch seconds) has been looked at."""


class Proofs:
    """Settles doubts by what the log says. Used by the owner's thread alone."""

    def __init__(self, reader: Reader, *, clock: Clock) -> None:
        self._reader = reader
        self._clock = clock
        self._look_at = 0.0
        self._proven: dict[UUID, tuple[int, EmailEvent]] = {}

    def handle(self, group: Group) -> None:
        """Settle what is proven. Proof about an email of which a retry is under way waits for its end."""
        if self._reader.found or self._clock.boottime() >= self._look_at:
            self._look_at = self._clock.boottime() + LOOK_SECONDS
            self._look(group)

    def may_decide(self, partition: int, email_id: UUID, *, due: float, now: float) -> bool:
        """Whether the policy may settle a doubt that is due: not before the log has been asked, but soon."""
        return now > due + PATIENCE or self._reader.has_looked(partition, email_id, until=due)

    def _look(self, group: Group) -> None:
        doubted = {number: table.doubted() for number, table in group.tables.items()}
        self._reader.look_for({number: _since(emails) for number, emails in doubted.items() if emails})
        while self._reader.found:
            partition, fact = self._reader.found.popleft()
            self._proven.setdefault(fact.email_id, (partition, fact))
        for email_id, (partition, fact) in list(self._proven.items()):
            email = group.get(partition, email_id) if email_id in doubted.get(partition, {}) else None
            if not isinstance(email, OpenEmail):
                del self._proven[email_id]
            elif (decision := prove(email, fact, now=self._clock.now())) is not NOTHING:
                group.decide(partition, email_id, decision, traceparent=email.traceparent)


def _since(emails: dict[UUID, OpenEmail]) -> dict[UUID, datetime]:
    return {email_id: email.proof_since or email.queued_at for email_id, email in emails.items()}
