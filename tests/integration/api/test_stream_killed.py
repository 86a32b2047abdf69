"""An API process that is killed in the middle of a stream: the next one goes on, and no email is another one."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import httpx2
import pytest

from shared.commands import SendEmail, request_hash
from shared.events import BatchClosed
from tests.integration.api.stage import Stage
from tests.integration.api.test_main import served

pytestmark = pytest.mark.integration
EMAILS = 12_000
UNCOUNTED = 2000  # two portions: the one that is written, and the one that is made ready
HEADERS = {"Content-Type": "application/x-ndjson", "Idempotency-Key": "november"}


def nobody() -> None:
    """Kills nothing."""


def kill_once_it_writes(process: subprocess.Popen[bytes], stage: Stage) -> None:
    deadline = time.monotonic() + 60
    while len(stage.commands()) < 1000:
        assert time.monotonic() < deadline
    process.kill()


def lines(between: Callable[[], None] = nobody) -> Iterator[bytes]:
    yield json.dumps({"defaults": {"from": "shop@acme.test", "subject": "Hello", "text": "Hi"}}).encode() + b"\n"
    for number in range(EMAILS):
        if number == EMAILS * 2 // 3:
            between()
        yield json.dumps({"to": f"c{number}@example.org", "reference": str(number)}).encode() + b"\n"


def test_the_next_process_goes_on(stage: Stage, tmp_path: Path) -> None:
    with served(stage, tmp_path / "first.log") as (process, client):
        kill = partial(kill_once_it_writes, process, stage)
        with pytest.raises(httpx2.TransportError):
            client.post("/v1/batches", content=lines(kill), headers=HEADERS)
    before = {one.email_id for one in stage.commands()}
    assert 0 < len(before) < EMAILS
    with served(stage, tmp_path / "second.log") as (_, client):
        body = client.post("/v1/batches", content=lines(), headers=HEADERS).json()
    assert (body["acknowledged"], body["refused"]) == (EMAILS, 0)
    assert len(before) - UNCOUNTED <= body["resumed_from"] <= len(before)
    written = [one for one in stage.commands() if isinstance(one, SendEmail)]
    assert len(written) <= EMAILS + UNCOUNTED
    assert {one.reference for one in written} == {str(number) for number in range(EMAILS)}
    assert len({one.email_id for one in written}) == len({request_hash(one) for one in written}) == EMAILS
    (closed,) = (fact for fact in stage.facts() if isinstance(fact, BatchClosed))
    assert (closed.acknowledged, closed.refused) == (EMAILS, 0)
