"""Rows have as many values as columns, and arrays are written as PostgreSQL reads them."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import Table

from services.projector.adapters import rows
from services.projector.domain import batch, email
from services.projector.handlers.ports import Fact, Key
from shared.db import read_models
from shared.events import BatchOpened, EmailQueued, SuppressionAdded, SuppressionRemoved
from shared.records import PersonalPart
from tests import golden

KEY = Key("default", UUID(int=1))
QUEUED = golden.event(EmailQueued)
FACT = Fact(0, 7, datetime.now(UTC), QUEUED, "{}")


@pytest.mark.parametrize(
    ("columns", "row"),
    [
        (rows.EVENT, rows.event_row(FACT)),
        (rows.EMAIL, rows.email_row(KEY, email.add(None, QUEUED))),
        (rows.BATCH, rows.batch_row(KEY, batch.add(None, golden.event(BatchOpened)))),
        (rows.SUPPRESSION, rows.suppression_row(golden.event(SuppressionAdded))),
        (rows.PERSONAL, rows.personal_row(KEY.id, PersonalPart(tenant="default", address="a@b.example"))),
    ],
)
def test_a_row_has_a_value_for_each_column(columns: tuple[str, ...], row: rows.Row) -> None:
    assert len(row) == len(columns)


@pytest.mark.parametrize(
    ("columns", "table"),
    [
        (rows.EVENT, read_models.events),
        (rows.EMAIL, read_models.emails),
        (rows.BATCH, read_models.batches),
        (rows.SUPPRESSION, read_models.suppressions),
        (rows.PERSONAL, read_models.personal),
    ],
)
def test_no_column_of_a_table_is_left_out(columns: tuple[str, ...], table: Table) -> None:
    assert list(columns) == [column.name for column in table.columns if column.computed is None]


def test_a_suppression_is_either_added_or_removed() -> None:
    added = dict(zip(rows.SUPPRESSION, rows.suppression_row(golden.event(SuppressionAdded)), strict=True))
    removed = dict(zip(rows.SUPPRESSION, rows.suppression_row(golden.event(SuppressionRemoved)), strict=True))
    assert added["added_at"] and not added["removed_at"]
    assert removed["removed_at"] and not removed["added_at"]


def test_arrays_are_quoted() -> None:
    assert rows.array(()) == "{}"
    assert rows.array(("a", 'b"c', "d\\e", "{f},", "", "NULL")) == '{"a","b\\"c","d\\\\e","{f},","","NULL"}'
