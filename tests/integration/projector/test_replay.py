"""Replay on real Kafka and PostgreSQL: built beside, compared at the same offsets, switched while readers read."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from os import environ
from uuid import uuid4

import pytest
from confluent_kafka import Consumer

from services.projector.filling import CannotReplay
from services.projector.replay import Replay, one_at_a_time
from shared.db.engine import make_engine
from shared.events import EmailQueued, codec
from shared.kafka import config
from shared.topics import EVENTS
from tests import golden
from tests.integration.projector.checks import check_against_the_judge
from tests.integration.projector.lives import Record, make_log
from tests.integration.projector.stage import Stage, wait_for

pytestmark = pytest.mark.integration
EMAILS = 200


@contextmanager
def replaying(stage: Stage) -> Iterator[Replay]:
    engine = make_engine(stage.settings, application="replay")
    consumer = Consumer(config.consumer(stage.settings, group_id=f"replay-{uuid4()}"))
    try:
        yield Replay(stage.settings, engine=engine, consumer=consumer, say=lambda said: None)
    finally:
        consumer.close()
        engine.dispose()


def live(stage: Stage) -> str:
    return str(stage.rows("SELECT live FROM state.read_models")[0][0])


def test_the_rebuilt_tables_are_equal_to_the_live_ones_and_none_is_empty(stage: Stage) -> None:
    stage.produce(make_log(1, emails=EMAILS))
    stage.project()
    with replaying(stage) as replay:
        found = replay.run()
    assert found.equal, (found.of_live, found.of_rebuilt)
    assert all(one.rows for one in found.of_live.values())
    assert stage.tables(found.rebuilt) == stage.tables(found.live)
    assert live(stage) == found.live


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE read_1.emails SET opened_at = now() WHERE email_id = (SELECT email_id FROM read_1.emails LIMIT 1)",
        "UPDATE read_1.summary SET delivered = delivered + 1 WHERE dimension = 'all'",
        "DELETE FROM read_1.personal WHERE email_id = (SELECT email_id FROM read_1.personal LIMIT 1)",
        "UPDATE read_1.batches SET reference = coalesce(reference, '') || '!'",
    ],
)
def test_one_changed_row_changes_the_hash(stage: Stage, change: str) -> None:
    stage.produce(make_log(2, emails=60))
    stage.project()
    stage.rows(change)
    with replaying(stage) as replay:
        found = replay.run()
    table = change.split("read_1.")[1].split()[0]
    assert [name for name in found.of_live if found.of_live[name] != found.of_rebuilt[name]] == [table]


def test_the_switch_goes_unnoticed_by_readers_and_the_projector_goes_on(stage: Stage) -> None:
    log = make_log(3, emails=EMAILS)
    third = len(log) // 3
    stage.produce(log[:third])
    seen: list[int] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            schema = live(stage)
            seen.append(stage.rows(f"SELECT count(*) FROM {schema}.events")[0][0])

    with stage.running():
        stage.wait_until_projected()
        reader = threading.Thread(target=read)
        reader.start()
        with replaying(stage) as replay:
            found = replay.run()
            stage.produce(log[third : 2 * third])
            replay.switch(found.rebuilt)
        assert live(stage) == found.rebuilt
        stage.produce(log[2 * third :])
        stage.wait_until_projected(schema=found.rebuilt)
        done.set()
        reader.join(10)
    assert found.equal
    assert seen == sorted(seen), "a reader saw the read models go back"
    check_against_the_judge(stage, log, schema=found.rebuilt)
    assert len(stage.tables(found.rebuilt)["events"]) > len(stage.tables(found.live)["events"])


def test_rolling_back_brings_the_earlier_build_up_to_date_first(stage: Stage) -> None:
    log = make_log(4, emails=60)
    stage.produce(log[:100])
    stage.project()
    with replaying(stage) as replay:
        found = replay.run()
        replay.switch(found.rebuilt)
        stage.produce(log[100:])
        with stage.running():
            stage.wait_until_projected(schema=found.rebuilt)
        assert replay.roll_back() == found.live
    assert live(stage) == found.live
    assert stage.tables(found.live) == stage.tables(found.rebuilt)


def test_without_an_earlier_build_there_is_nothing_to_roll_back_to(stage: Stage) -> None:
    stage.produce(make_log(6, emails=3))
    stage.project()
    with replaying(stage) as replay, pytest.raises(CannotReplay, match="no earlier build"):
        replay.roll_back()


def test_the_command_says_what_it_compared_and_exits_1_when_the_builds_differ(stage: Stage) -> None:
    stage.produce(make_log(5, emails=40))
    stage.project()
    command = (sys.executable, "-m", "cli.main", "replay")
    variables = environ | {
        "KAFKA_BOOTSTRAP_SERVERS": stage.settings.kafka_bootstrap_servers,
        "DATABASE_URL": stage.url,
        "POSTLOG_TOPIC_PREFIX": stage.settings.topic_prefix,
        "POSTLOG_PARTITIONS": str(stage.settings.partitions),
    }
    good = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert good.returncode == 0, good.stderr
    assert "read_2 is live now" in good.stdout and "emails" in good.stdout
    stage.rows("UPDATE read_2.emails SET attempts = attempts + 1")
    bad = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert bad.returncode == 1
    assert "DIFFERS" in bad.stdout and "read_3 differs from read_2" in bad.stderr
    wait_for(lambda: live(stage) == "read_2")


def test_a_log_that_is_shorter_than_what_is_live_is_another_log(stage: Stage) -> None:
    stage.produce(make_log(6, emails=20))
    stage.project()
    stage.rows("UPDATE read_1.checkpoints SET next_offset = next_offset + 1000 WHERE topic = 'email.events'")
    with replaying(stage) as replay, pytest.raises(CannotReplay, match="ends at"):
        replay.run()
    assert live(stage) == "read_1"


def test_a_fact_of_the_future_is_not_passed_by_replay_either(stage: Stage) -> None:
    stage.produce(make_log(7, emails=20))
    stage.project()
    future = codec.encode(golden.event(EmailQueued)).replace(b"{", b'{"version":7,', 1)
    stage.produce([Record(EVENTS.name, b"k", future)], partition=0)
    stage.rows(
        "UPDATE read_1.checkpoints SET next_offset = next_offset + 1 WHERE topic = 'email.events' AND partition = 0"
    )
    with replaying(stage) as replay, pytest.raises(CannotReplay, match="of version 7"):
        replay.run()


def test_there_is_one_replay_at_a_time(stage: Stage) -> None:
    engine = make_engine(stage.settings, application="replay")
    with one_at_a_time(engine), pytest.raises(CannotReplay, match="under way"), one_at_a_time(engine):
        pass
    with one_at_a_time(engine):
        pass
    engine.dispose()
