"""A fingerprint of every read model: rows counted, and a hash over every column of every row, in any order."""

from dataclasses import dataclass

from sqlalchemy import Connection, text

from services.projector.adapters import schemas
from shared.db.read_models import metadata


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """Of one table. Equal tables have equal fingerprints, whatever order their rows were written in."""

    rows: int
    digest: str


def fingerprints(connection: Connection, schema: str) -> dict[str, Fingerprint]:
    """The fingerprint of each table of the schema, in the snapshot of this transaction."""
    schemas.use(connection, schema)
    connection.execute(text("SET LOCAL statement_timeout = 0"))  # it reads every row there is
    return {table.name: _of(connection, table.name) for table in metadata.sorted_tables}


def _of(connection: Connection, table: str) -> Fingerprint:
    """The sum over all rows of 120 bits of an MD5 of the row's text: all of its columns, in order."""
    halves = ", ".join(
        f"coalesce(sum(('x' || substr(md5(row::text), {start}, 15))::bit(60)::bigint), 0)" for start in (1, 16)
    )
    found = connection.execute(text(f"SELECT count(*), {halves} FROM {table} AS row")).one()  # noqa: S608 (our names)
    return Fingerprint(rows=found[0], digest=f"{int(found[1]):x}-{int(found[2]):x}")
