"""The read models against the judge."""

from datetime import date

from shared.db.read_models import COUNTED
from shared.topics import EVENTS, PERSONAL
from tests.integration.projector import judge
from tests.integration.projector.lives import Record
from tests.integration.projector.stage import Stage


def check_against_the_judge(stage: Stage, log: list[Record], *, schema: str = "read_1") -> None:
    """Every status, count and address."""
    stories = judge.stories(one.value or b"" for one in log if one.topic == EVENTS.name)
    rows = stage.rows(f"SELECT email_id::text, status, attempts FROM {schema}.emails")
    assert {row[0]: row[1] for row in rows} == {key: judge.status(story) for key, story in stories.items()}
    assert {row[0]: row[2] for row in rows} == {
        key: max(event.get("attempt", 0) for event in story) for key, story in stories.items()
    }
    shares = stage.rows(f"SELECT batch_id::text, status, emails FROM {schema}.batch_counts")
    assert {(row[0], row[1]): row[2] for row in shares} == judge.batches(stories)
    cells = stage.rows(f"SELECT tenant, day, dimension, value, {', '.join(COUNTED)} FROM {schema}.summary")
    assert {_cell(row): {k: v for k, v in zip(COUNTED, row[4:], strict=True) if v} for row in cells} == {
        cell: dict(+counts) for cell, counts in judge.summary(stories).items()
    }
    erased = {key for key, story in stories.items() if any(event["type"] == "email.erased" for event in story)}
    words = ((one.key, one.value) for one in log if one.topic == PERSONAL.name)
    addresses = stage.rows(f"SELECT email_id::text, address FROM {schema}.personal")
    assert {row[0]: row[1] for row in addresses} == judge.addresses(words, erased)


def _cell(row: tuple[object, ...]) -> tuple[str, ...]:
    assert isinstance(row[1], date)
    return str(row[0]), row[1].isoformat(), str(row[2]), str(row[3])
