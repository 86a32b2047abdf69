"""A group commit in the making: all new facts, table changes and what goes beside them, for one Kafka transaction."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from services.sender.domain.decision import Decision
from shared import records
from shared.events import Event, codec
from shared.ids import text_of
from shared.kafka.producer import Headers
from shared.records import OpenEmail, Work
from shared.topics import EVENTS, PERSONAL, SUPPRESSIONS

SOURCE = "/postlog/sender"
OURS: Headers = [("ce_source", SOURCE.encode())]  # of records that are no facts: who wrote them


class Table(Protocol):
    """One partition's open emails, as the handlers see them."""

    def get(self, email_id: UUID) -> Work | None:
        """The row of an email, as decided so far."""

    def look_up(self, email_ids: Collection[UUID]) -> None:
        """Look these up all at once, for `get` to answer from memory."""

    def put(self, email_id: UUID, work: Work | None) -> None:
        """Replace a row, or delete it; counts once committed."""

    @property
    def pending(self) -> int:
        """How many rows the group under way changes."""

    def doubted(self) -> dict[UUID, OpenEmail]:
        """The open emails of which a copy may be out, unknown to us."""

    def finals_before(self, moment: datetime, *, limit: int) -> list[UUID]:
        """Markers older than `moment`."""


@dataclass(frozen=True)
class Record:
    """One record to produce; `partition` -1 lets the key decide."""

    topic: str
    key: bytes
    value: bytes | None
    headers: Headers = field(default_factory=list)
    partition: int = -1


class Group:
    """Collects what handlers decide. Tables see each change at once; it counts once the group is committed.

    The tables' changes are the group's too: whoever commits it writes the last word on each row to `email.work`.
    """

    def __init__(self, tables: Mapping[int, Table]) -> None:
        self.tables = tables
        self.records: list[Record] = []
        self.committed: list[Callable[[], None]] = []
        self.given_up: list[Callable[[], None]] = []
        self.facts: list[tuple[Event, str | None]] = []

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write and nobody waits for the commit."""
        return not self.records and not self.committed and not any(table.pending for table in self.tables.values())

    def get(self, partition: int, email_id: UUID) -> Work | None:
        """The email's row, as decided so far."""
        return self.tables[partition].get(email_id)

    def decide(self, partition: int, email_id: UUID, decision: Decision, *, traceparent: str | None = None) -> None:
        """Carry a decision out."""
        for fact in decision.facts:
            self.fact(fact, traceparent=traceparent)
        if decision.work is not None:
            self.put(partition, email_id, decision.work)
        if decision.personal is not None:
            key = text_of(email_id).encode()
            self.records.append(Record(PERSONAL.name, key, records.encode(decision.personal), [], partition))
        for suppression in decision.suppressions:
            name = records.suppression_key(
                tenant=suppression.tenant, scope=suppression.scope, recipient_ref=suppression.recipient_ref
            )
            self.records.append(Record(SUPPRESSIONS.name, name.encode(), records.encode(suppression), OURS))

    def fact(self, event: Event, *, traceparent: str | None = None) -> None:
        """Write a fact."""
        self.facts.append((event, traceparent))
        headers = codec.headers(event, source=SOURCE, traceparent=traceparent)
        self.records.append(Record(EVENTS.name, codec.key(event), codec.encode(event), headers))

    def put(self, partition: int, email_id: UUID, work: Work | None) -> None:
        """Replace (or, with None, delete) an email's row."""
        self.tables[partition].put(email_id, work)

    def forward(self, topic: str, command: bytes, *, key: bytes, headers: Headers, partition: int) -> None:
        """Send a misplaced record to the partition it belongs to."""
        self.records.append(Record(topic, key, command, headers, partition))
