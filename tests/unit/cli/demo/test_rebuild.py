"""The demo's checks of a rebuild: anything that is not as before is found."""

from dataclasses import replace
from typing import Any

import pytest

from cli.demo.rebuild import Rebuilt, checks
from tests.unit.cli.demo.small_run import answers

TABLES = {"emails": (8, "ab"), "events": (24, "cd")}
REBUILT = Rebuilt(
    tables_before=TABLES,
    tables_after=TABLES,
    answers_before=answers(),
    answers_after=answers(),
    attempts_before=11,
    attempts_after=11,
)


def test_an_equal_rebuild_holds() -> None:
    assert all(check.holds for check in checks(REBUILT))


@pytest.mark.parametrize(
    ("tampered", "figure"),
    [
        ({"tables_after": {**TABLES, "emails": (8, "ac")}}, "rebuilt tables: rows and hash as before"),
        ({"tables_after": {"emails": (8, "ab")}}, "rebuilt tables: rows and hash as before"),
        ({"tables_before": {}}, "rebuilt tables: rows and hash as before"),
        ({"tables_before": {"emails": (0, "")}, "tables_after": {"emails": (0, "")}}, "rebuilt tables: empty ones"),
        ({"answers_after": replace(answers(), suppressed=frozenset())}, "rebuilt tables: the API answers as before"),
        ({"answers_after": replace(answers(), batches={})}, "rebuilt tables: the API answers as before"),
        ({"attempts_after": 12}, "attempts at the inbox: none by the rebuild"),
    ],
)
def test_what_is_not_as_before_is_found(tampered: dict[str, Any], figure: str) -> None:
    assert [check.figure for check in checks(replace(REBUILT, **tampered)) if not check.holds] == [figure]
