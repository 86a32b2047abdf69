"""After `postlog replay`: both builds of the read models compared by a hash of the demo's own; the API asked again."""

from collections.abc import Mapping
from dataclasses import dataclass

import psycopg
from psycopg import sql

from cli.demo.checks.figure import Check, each
from cli.demo.evidence import Answers

TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = %s ORDER BY 1"
# Every column of every row; rows in the order of their hashes, so in whatever order they were written.
PRINT = sql.SQL("SELECT count(*), md5(string_agg(md5(r::text), '' ORDER BY md5(r::text))) FROM {} AS r")
OF_THE_MOMENT = frozenset(("rate", "eta_seconds"))  # of a batch: how fast it goes now
Print = tuple[int, str]  # rows, hash


@dataclass(frozen=True, kw_only=True)
class Rebuilt:
    """Before and after the rebuild: the tables of both builds, the API's answers, how many attempts the inbox saw."""

    tables_before: dict[str, Print]
    tables_after: dict[str, Print]
    answers_before: Answers
    answers_after: Answers
    attempts_before: int
    attempts_after: int


def tables(database_url: str) -> tuple[dict[str, Print], dict[str, Print]]:
    """Rows and hash of each table of the build that was live before the switch, and of the one that is live now."""
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT previous, live FROM state.read_models").fetchone()
        before, after = row or (None, None)
        return _prints(connection, before), _prints(connection, after)


def _prints(connection: psycopg.Connection, schema: str | None) -> dict[str, Print]:
    names = [row[0] for row in connection.execute(TABLES, [schema]).fetchall()]
    found = {}
    for name in names:
        row = connection.execute(PRINT.format(sql.Identifier(str(schema), name))).fetchone()
        assert row is not None
        found[name] = (row[0], row[1])
    return found


def checks(rebuilt: Rebuilt) -> list[Check]:
    """Nothing differs, nothing is empty, nothing was sent."""
    return [
        each(
            "rebuilt tables: rows and hash as before",
            expected=rebuilt.tables_before,
            found=rebuilt.tables_after,
        ),
        Check(
            figure="rebuilt tables: empty ones",
            expected=0,
            found=sum(rows == 0 for rows, _ in rebuilt.tables_after.values()),
        ),
        each(
            "rebuilt tables: the API answers as before",
            expected=_flat(rebuilt.answers_before),
            found=_flat(rebuilt.answers_after),
        ),
        Check(
            figure="attempts at the inbox: none by the rebuild",
            expected=rebuilt.attempts_before,
            found=rebuilt.attempts_after,
        ),
    ]


def _flat(answers: Answers) -> dict[str, object]:
    """Every answer by a name of its own, without what tells of the moment it was asked in."""
    found: dict[str, object] = {"suppressions": answers.suppressed}
    for kind in ("emails", "batches", "reports"):
        found |= {f"{kind} {name}": _lasting(answer) for name, answer in getattr(answers, kind).items()}
    return found


def _lasting(answer: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in answer.items() if name not in OF_THE_MOMENT}
