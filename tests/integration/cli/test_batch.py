"""`postlog batch` against a running API."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from cli.commands.batch import app
from cli.errors import CommandError
from shared.db.read_models import batch_counts, batches
from shared.records import decode_control
from shared.topics import CONTROLS
from tests.integration.api.stage import Stage, open_stage
from tests.integration.cli.serving import Run, served
from tests.logs import read

pytestmark = pytest.mark.integration


@pytest.fixture
def stage(kafka_url: str, pg_database: str, topic_prefix: str, tmp_path: Path) -> Iterator[Stage]:
    stage = open_stage(kafka_url, pg_database, topic_prefix, tmp_path)
    yield stage
    stage.close()


@pytest.fixture
def run(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    with served(stage, app, monkeypatch) as run:
        yield run


def a_batch(stage: Stage, counts: dict[str, int], **row: Any) -> UUID:
    """A batch of 10 emails in the read models."""
    batch_id = uuid4()
    whole = {"tenant": "default", "batch_id": batch_id, "stream": "broadcast", "acknowledged": 10, "refused": 1}
    stage.put(batches, whole | row)
    stage.put(
        batch_counts,
        *({"tenant": "default", "batch_id": batch_id, "status": name, "emails": n} for name, n in counts.items()),
    )
    return batch_id


def test_a_batch_is_shown_with_what_was_not_read_yet(stage: Stage, run: Run) -> None:
    batch_id = a_batch(stage, {"queued": 3, "delivered": 5})
    shown = run("show", str(batch_id)).output
    assert "under way, 10 emails accepted, 1 refused" in shown
    assert [line.split()[1:4:2] for line in shown.splitlines() if line.startswith("│")] == [
        ["received", "2"],
        ["delivered", "5"],
        ["queued", "3"],
    ]
    assert json.loads(run("show", str(batch_id), "--json").output)["counts"] == {"delivered": 5, "queued": 3}
    assert isinstance(run("show", str(uuid4())).exception, CommandError)


def test_a_batch_is_cancelled(stage: Stage, run: Run) -> None:
    batch_id = a_batch(stage, {"queued": 10})
    assert run("cancel", str(batch_id), "--reason", "the wrong list").output.startswith(f"batch {batch_id}: cancelled")
    (control,) = (decode_control(message.value() or b"") for message in read(stage.settings, CONTROLS.name))
    assert (control.kind, control.name, control.reason) == ("cancelled", str(batch_id), "the wrong list")
