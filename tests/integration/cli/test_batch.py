"""`postlog batch` against a running API."""

import gzip
import json
import os
import socket
import threading
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from cli import sending
from cli.api import Api
from cli.commands.batch import app
from cli.errors import CommandError
from shared.commands import SendEmail
from shared.db.read_models import batch_counts, batches
from shared.records import decode_control
from shared.topics import CONTROLS
from tests.integration.api.stage import Stage
from tests.integration.cli.serving import Run, runs, serving
from tests.logs import read

pytestmark = pytest.mark.integration


@pytest.fixture
def run(served: Stage) -> Run:
    return runs(app)


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


def path(batch_id: UUID) -> str:
    return f"/v1/batches/{batch_id}/progress"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


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


def test_a_batch_is_watched_until_all_is_final(stage: Stage, run: Run) -> None:
    batch_id = a_batch(stage, {"queued": 3, "delivered": 5})
    mine: dict[str, Any] = {"batch_id": batch_id, "tenant": "default"}

    def go_on() -> None:
        stage.empty(batch_counts)
        stage.put(batch_counts, mine | {"status": "delivered", "emails": 9}, mine | {"status": "bounced", "emails": 1})

    timer = threading.Timer(2.5, go_on)
    timer.start()
    watched = run("watch", str(batch_id))
    timer.join()
    assert watched.exit_code == 0, watched.output
    assert watched.output.endswith(f"batch {batch_id}: 1 bounced, 9 delivered\n")
    assert isinstance(run("watch", str(uuid4())).exception, CommandError)


def test_an_api_that_restarts_is_waited_for(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is watched at an address where one API takes the other's place."""
    batch_id = a_batch(stage, {"delivered": 10, "queued": 1}, acknowledged=11)
    port, heard = free_port(), []
    with serving(stage, monkeypatch, port=port):
        found = Api(os.environ["POSTLOG_URL"], key=os.environ["POSTLOG_KEY"]).watch(path(batch_id), last="finished")
        heard.append(next(found)["counts"])
    stage.empty(batch_counts)
    stage.put(batch_counts, {"tenant": "default", "batch_id": batch_id, "status": "delivered", "emails": 11})
    with serving(stage, monkeypatch, port=port):
        heard += [each["counts"] for each in found]
    assert heard[0] == {"delivered": 10, "queued": 1} and heard[-1] == {"delivered": 11}


def test_a_batch_has_a_rate_and_none_again(stage: Stage, run: Run) -> None:
    batch_id = a_batch(stage, {"queued": 10})
    assert run("rate", str(batch_id), "2.5").output == f"batch {batch_id}: at most 2.5 emails a second\n"
    assert run("rate", str(batch_id)).output == f"batch {batch_id}: no rate of its own\n"
    said, gone = (message.value() for message in read(stage.settings, CONTROLS.name))
    assert decode_control(said or b"").rate == 2.5 and gone is None


def test_a_batch_is_cancelled(stage: Stage, run: Run) -> None:
    batch_id = a_batch(stage, {"queued": 10})
    assert run("cancel", str(batch_id), "--reason", "the wrong list").output.startswith(f"batch {batch_id}: cancelled")
    (control,) = (decode_control(message.value() or b"") for message in read(stage.settings, CONTROLS.name))
    assert (control.kind, control.name, control.reason) == ("cancelled", str(batch_id), "the wrong list")


def test_a_file_is_sent_and_the_lines_refused_are_told(stage: Stage, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "list.csv.gz"
    rows = ["to,reference", "ada@example.org,1", "nobody,2", "grace@example.org,3"]
    file.write_bytes(gzip.compress("\r\n".join(rows).encode()))
    hello = {"subject": "Hello", "text": "Hi"}
    Api(os.environ["POSTLOG_URL"], key=os.environ["POSTLOG_KEY"]).call("PUT", "/v1/templates/hello", json=hello)
    words = ("send", str(file), "--from", "shop@acme.test", "--template", "hello", "--tag", "a", "--tag", "b")
    dry = run(*words, "--dry-run", "--json")
    assert (dry.exit_code, json.loads(dry.output)["refused"], stage.commands()) == (3, 1, [])
    sent = run(*words, "--stream", "broadcast", "--list", "news", "--batch-key", "k")
    assert (sent.exit_code, "2 emails accepted, 1 refused" in sent.output) == (3, True)
    assert "line 3: invalid_address (to)" in sent.output
    batch_id = sent.output.split()[1].rstrip(":")
    assert json.loads(run("rejections", batch_id).output)["index"] == 1
    again = run(*words, "--stream", "broadcast", "--list", "news", "--batch-key", "k")
    assert "3 of them had been taken before" in again.output
    written = [one for one in stage.commands() if isinstance(one, SendEmail)]
    assert {(one.reference, one.tags, one.list) for one in written} == {(n, ("a", "b"), "news") for n in ("1", "3")}
    assert len(written) == 2


def test_standard_input(stage: Stage, run: Run) -> None:
    line = {"from": "shop@acme.test", "to": "ada@example.org", "subject": "Hello", "text": "Hi"}
    assert run("send", "-", "--format", "ndjson", input=json.dumps(line)).exit_code == 0
    assert len(stage.commands()) == 1


def test_what_cannot_be_sent(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bad.csv").write_text("a;b\n")
    for words, code, told in (
        (("send", str(tmp_path / "none.csv")), 2, "No such file"),
        (("send", str(tmp_path / "list.txt")), 2, "--format"),
        (("send", str(tmp_path / "bad.csv")), 1, "`to`"),
    ):
        failed = run(*words).exception
        assert isinstance(failed, CommandError) and (failed.exit_code, told in str(failed)) == (code, True)
    monkeypatch.setattr(sending, "PAUSES", (0.01,))
    monkeypatch.setenv("POSTLOG_URL", "http://127.0.0.1:9")
    away = run("send", str(tmp_path / "bad.csv"), "--batch-key", "k7")
    assert isinstance(away.exception, CommandError) and "--batch-key k7" in str(away.exception)
    assert "again in 0 s" in away.output
