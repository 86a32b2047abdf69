"""The projector as a process, killed in the middle of its work: the tables are those of one that was never killed."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from shared.topics import EVENTS
from tests.integration.projector.checks import check_against_the_judge
from tests.integration.projector.lives import make_log
from tests.integration.projector.stage import Stage, wait_for

pytestmark = pytest.mark.integration


@contextmanager
def process(stage: Stage, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
    """`postlog serve projector`; killed at the end when it is still there."""
    variables = {
        "KAFKA_BOOTSTRAP_SERVERS": stage.settings.kafka_bootstrap_servers,
        "DATABASE_URL": stage.url,
        "POSTLOG_TOPIC_PREFIX": stage.settings.topic_prefix,
        "POSTLOG_PARTITIONS": str(stage.settings.partitions),
        "POSTLOG_PROJECTOR_PORT": str(stage.settings.admin_port),
    }
    command = (sys.executable, "-m", "cli.main", "serve", "projector")
    running = subprocess.Popen(command, env=os.environ | variables | settings, stderr=subprocess.PIPE)
    try:
        yield running
    finally:
        running.kill()
        running.communicate(timeout=10)


def projected(stage: Stage) -> int:
    """How many facts are in the tables."""
    return sum(at for (topic, _), at in stage.positions().items() if topic == EVENTS.name)


def test_killed_in_mid_stream_with_records_twice_it_ends_with_the_rows_of_the_judge(
    stage: Stage, other_stage: Stage
) -> None:
    dice = random.Random(21)
    log = make_log(21, emails=1500)
    twice = [copy for one in log for copy in [one] * dice.choice([1, 1, 2])]
    stage.produce(twice)
    killed = []
    for share in (0.1, 0.5):
        with process(stage, POSTLOG_PROJECTOR_BATCH="40") as running:
            wait_for(lambda share=share: projected(stage) > share * len(twice) * 0.8)  # type: ignore[misc]
            running.send_signal(signal.SIGKILL)
            running.wait(10)
        killed.append(projected(stage))
    facts = sum(one.topic == EVENTS.name for one in twice)
    assert 0 < killed[0] < killed[1] < facts, "each was to be killed in the middle"
    stage.project()
    check_against_the_judge(stage, log)
    other_stage.produce(twice)
    other_stage.project()
    assert _without_log_times(stage) == _without_log_times(other_stage)


def _without_log_times(stage: Stage) -> dict[str, list[str]]:
    """The tables; when a record was logged is not the same in two logs."""
    found = stage.tables()
    asked = 'SELECT partition, "offset", event_id, body FROM read_1.events ORDER BY 1, 2'
    return found | {"events": [str(row) for row in stage.rows(asked)]}


def test_asked_to_stop_it_commits_leaves_and_says_so(stage: Stage) -> None:
    stage.produce(make_log(22, emails=50))
    with process(stage) as running:
        stage.wait_until_projected()
        running.send_signal(signal.SIGTERM)
        _, said = running.communicate(timeout=15)
    assert running.returncode == 0
    assert b"projector stopped" in said


def test_wrong_settings_are_said_and_it_does_not_start(stage: Stage) -> None:
    with process(stage, POSTLOG_PROJECTOR_BATCH="0") as running:
        _, said = running.communicate(timeout=15)
    assert running.returncode == 2
    assert b"POSTLOG_PROJECTOR_BATCH" in said
