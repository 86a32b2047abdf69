"""`postlog queue` against a running API."""

import json
import time
from uuid import uuid4

import pytest

from cli.commands.queue import app
from cli.errors import CommandError
from shared.clock import SystemClock
from shared.db.read_models import batches, emails
from shared.records import decode_control
from shared.topics import CONTROLS
from tests.integration.api.stage import Stage, email_row
from tests.integration.cli.serving import Run, runs
from tests.logs import read

pytestmark = pytest.mark.integration


@pytest.fixture
def run(served: Stage) -> Run:
    return runs(app)


def last_words(stage: Stage) -> set[str]:
    return {decode_control(message.value() or b"").kind for message in read(stage.settings, CONTROLS.name)}


def test_the_queue_is_shown_and_steered(stage: Stage, run: Run) -> None:
    now = SystemClock().now()
    stage.put(
        emails, email_row(uuid4(), recipient_domain="a.example", status="deferred", queued_at=now, updated_at=now)
    )
    assert "hold asked for all tenants" in run("hold", "a.example", "--reason", "asked").output
    assert "limit asked" in run("limit", "a.example", "--rate", "2").output
    deadline = time.monotonic() + 20
    while "held; limited: rate 2" not in (shown := run("show").output):
        assert time.monotonic() < deadline, shown
        time.sleep(0.05)
    (row,) = json.loads(run("show", "a.example", "--json").output)["destinations"]
    assert (row["waiting"], row["counts"], row["held"]) == (1, {"deferred": 1}, True)
    for words in (("flush", "a.example"), ("release", "a.example"), ("hold", "broadcast", "--kind", "stream")):
        assert run(*words).exit_code == 0
    assert run("weigh", "acme", "3").exit_code == 0
    assert last_words(stage) == {"destination", "limits", "flush", "stream", "weight"}


def test_a_batch_is_paused_and_resumed(stage: Stage, run: Run) -> None:
    batch_id = uuid4()
    stage.put(batches, {"tenant": "default", "batch_id": batch_id, "stream": "broadcast"})
    assert run("pause", str(batch_id)).output == f"batch {batch_id}: paused\n"
    assert run("resume", str(batch_id)).output == f"batch {batch_id}: resumed\n"


def test_a_refusal_is_told_in_the_apis_words(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = run("pause", "nonsense").exception
    assert isinstance(failed, CommandError) and "there is no such batch" in str(failed)
    monkeypatch.setenv("POSTLOG_URL", "http://127.0.0.1:9")
    failed = run("show").exception
    assert isinstance(failed, CommandError) and "POSTLOG_URL" in str(failed)
