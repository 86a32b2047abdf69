"""The schemas that hold read models, and the one row that says which of them is live."""

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import Connection, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.schema import CreateSchema, DropSchema

from services.projector.handlers.ports import Partition, Reached
from shared.db.read_models import checkpoints, metadata
from shared.db.state import read_models

PREFIX: Final = "read_"
_ONE_AT_A_TIME: Final = 0x706F737472656164  # "postread": key of the advisory lock on making the first build
_ONE_REPLAY: Final = 0x706F73747265706C  # "postrepl"


def find_live(connection: Connection) -> str:
    """The live schema; when there is none yet, the first one is made."""
    found = connection.execute(select(read_models.c.live)).scalar_one_or_none()
    if found is not None:
        return str(found)
    connection.execute(select(func.pg_advisory_xact_lock(_ONE_AT_A_TIME)))
    found = connection.execute(select(read_models.c.live)).scalar_one_or_none()
    if found is not None:
        return str(found)
    first = f"{PREFIX}1"
    create(connection, first)
    connection.execute(insert(read_models).values(live=first))
    return first


def create(connection: Connection, name: str) -> None:
    """An empty schema with all read models."""
    connection.execute(CreateSchema(name))
    metadata.create_all(connection.execution_options(schema_translate_map={None: name}), checkfirst=False)


def drop(connection: Connection, name: str) -> None:
    """Drop a schema of read models, with all in it."""
    connection.execute(DropSchema(name, cascade=True))


def names(connection: Connection) -> list[str]:
    """All schemas of read models, the oldest first."""
    found = connection.execute(
        text("SELECT nspname FROM pg_namespace WHERE nspname ~ '^read_[0-9]+$' ORDER BY substr(nspname, 6)::bigint")
    )
    return list(found.scalars())


def use(connection: Connection, name: str) -> None:
    """Name the read models' tables without their schema until the transaction ends."""
    connection.execute(select(func.set_config("search_path", name, True)))


def positions(connection: Connection) -> dict[Partition, Reached]:
    """How far each partition has been read, in the schema that is in use."""
    found = connection.execute(select(checkpoints))
    return {Partition(row.topic, row.partition): Reached(row.next_offset, row.logged_at) for row in found}


def add_partitions(connection: Connection, partitions: Iterable[Partition]) -> None:
    """Begin to keep the checkpoints of these partitions, where that has not been done."""
    values = [{"topic": place.topic, "partition": place.number, "next_offset": 0} for place in sorted(partitions)]
    if values:
        connection.execute(upsert(checkpoints).values(values).on_conflict_do_nothing())


def claim(connection: Connection) -> bool:
    """Take the right to build and to switch, until the transaction ends; False when somebody else has it."""
    return bool(connection.execute(select(func.pg_try_advisory_xact_lock(_ONE_REPLAY))).scalar_one())


def switch(connection: Connection, *, to: str) -> None:
    """Make another schema the live one: readers' next snapshot sees it, projectors' next transaction too."""
    swap: dict[str, Any] = {"live": to, "previous": read_models.c.live, "switched_at": func.now()}
    connection.execute(update(read_models).values(swap))
