"""A group commit in the making: all new facts, table changes and what goes beside them, for one Kafka transaction."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from services.sender.adapters.open_emails import OpenEmails
from services.sender.domain.decision import Decision
from services.sender.domain.queues import due_of, queue_of
from shared import records
from shared.events import Event, codec
from shared.kafka.producer import Headers
from shared.records import Work
from shared.topics import EVENTS, PERSONAL, SUPPRESSIONS, WORK

SOURCE = "/postlog/sender"


@dataclass(frozen=True)
class Record:
    """One record to produce; `partition` -1 lets the key decide."""

    topic: str
    key: bytes
    value: bytes | None
    headers: Headers = field(default_factory=list)
    partition: int = -1


class Group:
    """Collects what handlers decide. Tables see each change at once; it counts once the group is committed."""

    def __init__(self, tables: Mapping[int, OpenEmails]) -> None:
        self.tables = tables
        self.records: list[Record] = []
        self.waits: list[tuple[int, str, float]] = []
        self.committed: list[Callable[[], None]] = []
        self.given_up: list[Callable[[], None]] = []
        self.kinds: dict[str, int] = {}

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write and nobody waits for the commit."""
        return not self.records and not self.committed

    def get(self, partition: int, email_id: UUID) -> Work | None:
        """The email's row, as decided so far."""
        return self.tables[partition].get(email_id)

    def decide(self, partition: int, email_id: UUID, decision: Decision, *, traceparent: str | None = None) -> None:
        """Carry a decision out."""
        key = str(email_id).encode()
        for fact in decision.facts:
            self.fact(fact, traceparent=traceparent)
        if decision.work is not None:
            self.put(partition, email_id, decision.work)
        if decision.personal is not None:
            self.records.append(Record(PERSONAL.name, key, records.encode(decision.personal), [], partition))
        for suppression in decision.suppressions:
            name = records.suppression_key(
                tenant=suppression.tenant, scope=suppression.scope, recipient_ref=suppression.recipient_ref
            )
            self.records.append(Record(SUPPRESSIONS.name, name.encode(), records.encode(suppression)))

    def fact(self, event: Event, *, traceparent: str | None = None) -> None:
        """Write a fact."""
        kind = codec.event_type(event)
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        headers = codec.headers(event, source=SOURCE, traceparent=traceparent)
        self.records.append(Record(EVENTS.name, codec.key(event), codec.encode(event), headers))

    def put(self, partition: int, email_id: UUID, work: Work | None) -> None:
        """Replace (or, with None, delete) an email's row and its changelog record."""
        self.tables[partition].put(email_id, work)
        value = records.encode(work) if work is not None else None
        self.records.append(Record(WORK.name, str(email_id).encode(), value, [], partition))
        if work is not None:
            name, due = queue_of(work), due_of(work)
            if name is not None and due is not None:
                self.waits.append((partition, name, due))

    def forward(self, topic: str, command: bytes, *, key: bytes, headers: Headers, partition: int) -> None:
        """Send a misplaced record to the partition it belongs to."""
        self.records.append(Record(topic, key, command, headers, partition))
