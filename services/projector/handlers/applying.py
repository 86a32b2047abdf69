"""From a read to a commit: read, divert what nobody can read, project the rest, and again when that was undone."""

from collections.abc import Iterable, Sequence
from typing import Final

from confluent_kafka import Message

from services.projector.handlers.ports import Batch, Conflict, Divert, Transactions, Unstorable
from services.projector.handlers.projection import project
from services.projector.handlers.reading import Reading, TopicName, read

_TRIES: Final = 5  # of a transaction that other projectors are in the way of


class Applier:
    """Brings read models up to date with records, whichever build of them it is given."""

    def __init__(self, *, divert: Divert, name_of: TopicName) -> None:
        self._divert = divert
        self._name_of = name_of

    def apply(self, models: Transactions, messages: Sequence[Message]) -> Reading:
        """Project these records and ends of partitions, in one transaction; when this returns they are committed."""
        reading = read(messages, name_of=self._name_of)
        for message, reason in reading.unreadable:
            self._divert(message, reason)
        try:
            self._project(models, reading.batch)
        except Unstorable:
            self._one_by_one(models, reading.taken)
        return reading

    def _one_by_one(self, models: Transactions, messages: Iterable[Message]) -> None:
        """Find what cannot be stored, and leave it out."""
        for message in messages:
            batch = read([message], name_of=self._name_of).batch
            try:
                self._project(models, batch)
            except Unstorable as reason:
                self._divert(message, f"cannot be stored: {reason}")
                self._project(models, Batch(reached=batch.reached))

    def _project(self, models: Transactions, batch: Batch) -> None:
        if not batch.reached:
            return
        for left in reversed(range(_TRIES)):
            try:
                with models.transaction() as tables:
                    project(tables, batch)
            except Conflict:
                if not left:
                    raise
            else:
                return
