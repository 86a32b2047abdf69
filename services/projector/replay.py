"""Replay: the read models built again from the log, beside the live ones; compared at the same offsets; switched.

Reads never stop, and nothing is ever sent: there is no producer here.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from confluent_kafka import Consumer
from sqlalchemy import Connection, Engine, select

from services.projector.adapters import schemas
from services.projector.adapters.fingerprint import Fingerprint, fingerprints
from services.projector.adapters.read_models import ReadModels
from services.projector.filling import CannotReplay, Filler, Say
from services.projector.settings import ProjectorSettings
from shared.db.state import read_models


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


@contextmanager
def one_at_a_time(engine: Engine) -> Iterator[None]:
    """Raises CannotReplay while another replay is under way on this database."""
    with engine.connect() as connection:
        if not schemas.claim(connection):
            raise CannotReplay("another replay is under way")
        yield


class Replay:
    """One rebuild. `run` builds and compares; `switch` makes the new build the live one."""

    def __init__(self, settings: ProjectorSettings, *, engine: Engine, consumer: Consumer, say: Say) -> None:
        self._engine = engine
        self._filler = Filler(settings, consumer=consumer, say=say)

    def run(self) -> Comparison:
        """Build into a new schema up to where the live one stands now, and compare both there."""
        live, rebuilt = self._prepare()
        models = ReadModels(self._engine, rebuilt, live=False)
        with self._snapshot(live) as snapshot:
            targets = schemas.positions(snapshot)
            self._filler.fill(models, targets)
            of_live = fingerprints(snapshot, live)
        with self._engine.begin() as connection:
            of_rebuilt = fingerprints(connection, rebuilt)
        return Comparison(live=live, rebuilt=rebuilt, of_live=of_live, of_rebuilt=of_rebuilt)

    def switch(self, rebuilt: str) -> None:
        """Catch up with the live build, then switch in one statement; projectors wait for the last few records."""
        models = ReadModels(self._engine, rebuilt, live=False)
        with self._snapshot(self._live()) as snapshot:
            self._filler.fill(models, schemas.positions(snapshot))
        with self._engine.begin() as held:
            live = held.execute(select(read_models.c.live).with_for_update()).scalar_one()
            schemas.use(held, live)
            self._filler.fill(models, schemas.positions(held))
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
