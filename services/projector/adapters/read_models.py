"""One build of the read models: transactions on it, and from where to read on."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Connection, Engine, select, text

from services.projector.adapters import schemas
from services.projector.adapters.errors import translated
from services.projector.adapters.tables import PgTables
from services.projector.handlers.ports import Partition, Reached
from shared.db.state import read_models

# The number of keys varies from batch to batch: a plan made for any number is a bad one.
_PLAN_EACH_TIME: Final = text("SET LOCAL plan_cache_mode = force_custom_plan")


class Switched(Exception):
    """Another schema is live now: read on from its checkpoints."""


class ReadModels:
    """The read models in the schema `name`. With `live`, transactions raise `Switched` when it is that no more.

    Methods raise `Unavailable`, `Conflict` and `Unstorable`.
    """

    def __init__(self, engine: Engine, name: str, *, live: bool) -> None:
        self._engine = engine
        self._live = live
        self.name = name

    @contextmanager
    def transaction(self) -> Iterator[PgTables]:
        """A transaction that commits when the body ends, and is undone when it raises."""
        with translated(), self._engine.begin() as connection:
            if self._live:
                self._hold(connection)
            schemas.use(connection, self.name)
            connection.execute(_PLAN_EACH_TIME)
            driver: Any = connection.connection.driver_connection
            with driver.cursor() as cursor:
                yield PgTables(cursor)

    def positions(self, partitions: Iterable[Partition]) -> dict[Partition, Reached]:
        """How far these partitions have been read; those never seen before begin at 0."""
        wanted = set(partitions)
        with translated(), self._engine.begin() as connection:
            schemas.use(connection, self.name)
            schemas.add_partitions(connection, wanted)
            found = schemas.positions(connection)
            return {place: reached for place, reached in found.items() if place in wanted}

    def _hold(self, connection: Connection) -> None:
        """Nobody can switch until this transaction ends."""
        live = connection.execute(select(read_models.c.live).with_for_update(read=True)).scalar_one()
        if live != self.name:
            raise Switched(live)


def open_live(engine: Engine) -> ReadModels:
    """The live read models; made when there are none yet."""
    with translated(), engine.begin() as connection:
        return ReadModels(engine, schemas.find_live(connection), live=True)
