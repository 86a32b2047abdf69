"""What the handlers take, and what they ask of the read models and of the dead-letter topic."""

from collections.abc import Collection, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from confluent_kafka import Message

from services.projector.domain.batch import BatchFold
from services.projector.domain.email import EmailFold
from services.projector.domain.tally import Tally
from shared.events import Event, SuppressionAdded, SuppressionRemoved
from shared.records import PersonalPart


class Unavailable(RuntimeError):
    """A server is away, or not made ready: wait and try again; the message says which."""


class Conflict(RuntimeError):
    """Another projector was in the way: the transaction is gone, all of it; do it again."""


class Unstorable(RuntimeError):
    """A value that PostgreSQL cannot hold (a number out of range, say)."""


class Partition(NamedTuple):
    """A partition of a topic (by its name without the prefix)."""

    topic: str
    number: int


class Reached(NamedTuple):
    """How far a partition has been read: the next offset, and the log time of the last record if there was one."""

    next_offset: int
    logged_at: datetime | None


class Fact(NamedTuple):
    """A fact, where and when it was logged, and its JSON as it is to be kept."""

    partition: int
    offset: int
    logged_at: datetime
    event: Event
    body: str


class PersonalWord(NamedTuple):
    """A record of `email.personal`; None is a tombstone."""

    partition: int
    offset: int
    email_id: UUID
    part: PersonalPart | None


class Key(NamedTuple):
    """An email or a batch."""

    tenant: str
    id: UUID


Suppressing = SuppressionAdded | SuppressionRemoved


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What was read of some partitions, each in its order, and how far they have been read with it."""

    facts: list[Fact] = field(default_factory=list)
    personal: list[PersonalWord] = field(default_factory=list)
    reached: dict[Partition, Reached] = field(default_factory=dict)

    def past(self, offsets: Mapping[Partition, int], *, events: str, personal: str) -> "Batch":
        """Without what lies before these offsets of the two topics: it is in the tables already."""
        return replace(
            self,
            facts=[one for one in self.facts if one.offset >= offsets[Partition(events, one.partition)]],
            personal=[one for one in self.personal if one.offset >= offsets[Partition(personal, one.partition)]],
            reached={place: end for place, end in self.reached.items() if end.next_offset > offsets[place]},
        )


class Tables(Protocol):
    """The read models, inside one transaction."""

    def lock(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """The next offsets of these partitions; nobody else may write about them until the transaction ends."""

    def reach(self, reached: Mapping[Partition, Reached]) -> None:
        """These partitions have been read so far."""

    def add_events(self, facts: Collection[Fact]) -> None:
        """Keep each fact once, at the first place where it stands."""

    def take_emails(self, keys: Collection[Key]) -> dict[Key, EmailFold]:
        """Take out those of these emails that are known, to be put back."""

    def put_emails(self, folds: Mapping[Key, EmailFold]) -> None:
        """Write emails that are new or were taken out."""

    def take_batches(self, keys: Collection[Key]) -> dict[Key, BatchFold]:
        """Take out those of these batches that are known, to be put back."""

    def put_batches(self, folds: Mapping[Key, BatchFold]) -> None:
        """Write batches that are new or were taken out."""

    def put_suppressions(self, facts: Collection[Suppressing]) -> None:
        """Keep the last word on each suppression."""

    def put_personal(self, parts: Mapping[UUID, PersonalPart | None]) -> None:
        """Write the personal parts of emails, or delete them."""

    def drop_erased(self, email_ids: Collection[UUID]) -> None:
        """Delete the personal parts of those of these emails that were erased."""

    def count(self, tally: Tally) -> None:
        """Add to the counts."""


class Transactions(Protocol):
    """One build of the read models. Raises `Unavailable`, `Conflict` and `Unstorable`."""

    def transaction(self) -> AbstractContextManager[Tables]:
        """A transaction that commits when the body ends, and is undone when it raises."""


class Divert(Protocol):
    """Where unreadable records go."""

    def __call__(self, message: Message, reason: str) -> None:
        """Returns when the dead letter is safe; raises `Unavailable`, or TooManyDeadLetters."""
