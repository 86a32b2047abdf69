"""Replay: the read models built again from the log, beside the live ones; compared at the same offsets; switched.

Reads never stop, and nothing is ever sent: there is no producer here. Records that nobody could read were diverted when
the projector met them, and are passed over.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition
from sqlalchemy import Connection, Engine, select

from services.projector.adapters import schemas
from services.projector.adapters.fingerprint import Fingerprint, fingerprints
from services.projector.adapters.read_models import ReadModels
from services.projector.handlers.applying import Applier
from services.projector.handlers.ports import Batch, Partition, Reached
from services.projector.handlers.projection import project
from services.projector.settings import ProjectorSettings
from shared.db.state import read_models

BATCH: Final = 10_000
PATIENCE: Final = 30.0  # seconds without a record before the log counts as stuck
Say = Callable[[str], None]
Targets = Mapping[Partition, Reached]


class CannotReplay(RuntimeError):
    """Replay cannot go on; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Both builds at the same offsets, table by table."""

    live: str
    rebuilt: str
    of_live: dict[str, Fingerprint]
    of_rebuilt: dict[str, Fingerprint]

    @property
    def equal(self) -> bool:
        """Whether every column of every row of every table is the same."""
        return self.of_live == self.of_rebuilt


class Replay:
    """One rebuild. `run` builds and compares; `switch` makes the new build the live one."""

    def __init__(self, settings: ProjectorSettings, *, engine: Engine, consumer: Consumer, say: Say) -> None:
        self._settings = settings
        self._engine = engine
        self._consumer = consumer
        self._say = say
        self._applier = Applier(divert=lambda message, reason: None, name_of=settings.plain_topic)

    def run(self) -> Comparison:
        """Build into a new schema up to where the live one stands now, and compare both there."""
        live, rebuilt = self._prepare()
        models = ReadModels(self._engine, rebuilt, live=False)
        with self._snapshot(live) as snapshot:
            targets = schemas.positions(snapshot)
            self._fill(models, targets)
            of_live = fingerprints(snapshot, live)
        with self._engine.begin() as connection:
            of_rebuilt = fingerprints(connection, rebuilt)
        return Comparison(live=live, rebuilt=rebuilt, of_live=of_live, of_rebuilt=of_rebuilt)

    def switch(self, rebuilt: str) -> None:
        """Catch up with the live build, then switch in one statement; projectors wait for the last few records."""
        models = ReadModels(self._engine, rebuilt, live=False)
        with self._snapshot(self._live()) as snapshot:
            self._fill(models, schemas.positions(snapshot))
        with self._engine.begin() as held:
            live = held.execute(select(read_models.c.live).with_for_update()).scalar_one()
            schemas.use(held, live)
            self._fill(models, schemas.positions(held))
            schemas.switch(held, to=rebuilt)

    def roll_back(self) -> str:
        """Switch back to the build before the last switch, brought up to date first; returns its name."""
        with self._engine.begin() as connection:
            previous = connection.execute(select(read_models.c.previous)).scalar_one_or_none()
            if previous is None or previous not in schemas.names(connection):
                raise CannotReplay("there is no earlier build to go back to")
        self.switch(previous)
        return str(previous)

    def discard(self, name: str) -> None:
        """Drop a build that is not live."""
        with self._engine.begin() as connection:
            schemas.drop(connection, name)

    def _live(self) -> str:
        with self._engine.begin() as connection:
            return schemas.find_live(connection)

    def _prepare(self) -> tuple[str, str]:
        """The names of the live build and of a new, empty one; builds that are not live are dropped."""
        with self._engine.begin() as connection:
            live = schemas.find_live(connection)
            known = schemas.names(connection)
            for name in known:
                if name != live:
                    schemas.drop(connection, name)
            newest = max(int(name.removeprefix(schemas.PREFIX)) for name in known)
            rebuilt = f"{schemas.PREFIX}{newest + 1}"
            schemas.create(connection, rebuilt)
        return live, rebuilt

    def _snapshot(self, schema: str) -> Connection:
        """One snapshot of a schema, for as long as the connection is open."""
        connection = self._engine.connect().execution_options(isolation_level="REPEATABLE READ")
        schemas.use(connection, schema)
        return connection

    def _fill(self, models: ReadModels, targets: Targets) -> None:
        """Project everything from where `models` stand up to exactly `targets`."""
        at = models.positions(targets)
        todo = {place: end for place, end in targets.items() if at[place].next_offset < end.next_offset}
        self._consumer.assign([self._kafka(place, at[place].next_offset) for place in todo])
        began, done, heard = time.monotonic(), 0, time.monotonic()
        while todo:
            messages = self._consumer.consume(BATCH, 0.2)
            wanted = [message for message in messages if self._wanted(message, todo)]
            if wanted:
                self._applier.apply(models, wanted)
                done += len(wanted)
                self._say(f"{done} records, {done / (time.monotonic() - began):.0f}/s")
            heard = time.monotonic() if messages else heard
            if time.monotonic() - heard > PATIENCE:
                raise CannotReplay(f"the log gave nothing for {PATIENCE:.0f} s: is Kafka there?")
        self._consumer.unassign()
        with models.transaction() as tables:  # the ends of partitions may lie past the last record
            project(tables, Batch(reached=dict(targets)))

    def _wanted(self, message: Message, todo: dict[Partition, Reached]) -> bool:
        """Whether it is a record before the target; a partition that has come so far is taken off the list."""
        place = Partition(self._settings.plain_topic(message.topic() or ""), message.partition() or 0)
        error, offset = message.error(), message.offset() or 0
        if error is not None and error.code() != KafkaError._PARTITION_EOF:
            raise CannotReplay(f"the log cannot be read: {error.str()}")
        if place not in todo:
            return False
        end = todo[place].next_offset
        if offset >= (end if error is not None else end - 1):
            del todo[place]
        return error is None and offset < end

    def _kafka(self, place: Partition, offset: int) -> TopicPartition:
        return TopicPartition(self._settings.topic(place.topic), place.number, offset)
