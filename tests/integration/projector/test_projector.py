"""The projector on real Kafka and PostgreSQL: the rows are what the log says, in any order, however often it does."""

import random
import time
from collections import defaultdict
from uuid import uuid4

import pytest
from msgspec.structs import replace

from services.projector.consumer import GATHER, MANY
from shared import records
from shared.events import EmailDelivered, EmailErased
from shared.kafka import config
from shared.kafka.producer import FutureProducer
from shared.records import PersonalPart
from shared.topics import EVENTS, PERSONAL
from tests import golden
from tests.integration.projector.checks import check_against_the_judge
from tests.integration.projector.lives import Record, make_log, record
from tests.integration.projector.stage import Stage, Tables, wait_for

pytestmark = pytest.mark.integration


def without_places(stage: Stage) -> Tables:
    """The read models, where places in the log do not count."""
    tables = stage.tables()
    tables["events"] = [str(row) for row in stage.rows("SELECT event_id, body FROM read_1.events ORDER BY 1")]
    return tables


def shuffled(log: list[Record], *, seed: int) -> list[Record]:
    """The log in any order, and a third of it twice; only the words on one person keep their order."""
    dice = random.Random(seed)
    mixed = log + dice.sample(log, len(log) // 3)
    dice.shuffle(mixed)
    words: dict[bytes, list[Record]] = defaultdict(list)
    for one in log:
        if one.topic == PERSONAL.name:
            words[one.key].append(one)
    return [one if one.topic == EVENTS.name else _next_word(words[one.key]) for one in mixed]


def _next_word(left: list[Record]) -> Record:
    """The next of a person's records in their order; the last one again and again."""
    return left.pop(0) if len(left) > 1 else left[0]


def test_a_log_is_projected_whole(stage: Stage) -> None:
    log = make_log(1, emails=300)
    stage.produce(log)
    stage.project()
    tables = stage.tables()
    assert all(tables.values()), {name: len(rows) for name, rows in tables.items()}
    assert len(tables["events"]) == sum(one.topic == EVENTS.name for one in log)
    check_against_the_judge(stage, log)


def test_order_and_repetition_change_no_row(stage: Stage, other_stage: Stage) -> None:
    log = make_log(2, emails=300)
    stage.produce(log)
    other_stage.produce(shuffled(log, seed=2))
    stage.project()
    with other_stage.running(projector_batch=50):
        other_stage.wait_until_projected()
    assert without_places(other_stage) == without_places(stage)
    check_against_the_judge(other_stage, log)


def test_a_fact_in_the_wrong_partition_counts_once_too(stage: Stage, other_stage: Stage) -> None:
    log = make_log(3, emails=100)
    stage.produce(log)
    stage.project()
    other_stage.produce(log[::2], partition=2)
    other_stage.produce(log, partition=1)
    with other_stage.running(projector_batch=20), other_stage.running(projector_batch=20, admin_port=0):
        other_stage.wait_until_projected()
    expected, found = without_places(stage), without_places(other_stage)
    expected["personal"] = found["personal"]  # its words are in no order now
    assert found == expected
    assert {row[0] for row in other_stage.rows("SELECT partition FROM read_1.events")} == {1}, "the first place counts"


def test_a_fact_stands_at_its_first_place_also_when_that_is_read_last(stage: Stage) -> None:
    first = replace(golden.event(EmailDelivered), smtp_reply_text="first")
    stage.produce([record(replace(first, smtp_reply_text="made again"))] * 2, partition=2)
    stage.project()
    assert stage.rows('SELECT partition, "offset" FROM read_1.events') == [(2, 0)]
    stage.produce([record(first)], partition=1)
    stage.project()
    found = stage.rows("SELECT partition, \"offset\", body->>'smtp_reply_text' FROM read_1.events")
    assert found == [(1, 0, "first")]


@pytest.mark.parametrize("erased_first", [True, False])
def test_an_erased_email_has_no_personal_part_in_whatever_order_they_are_read(stage: Stage, erased_first: bool) -> None:
    erased, alive = (replace(golden.event(EmailErased), email_id=uuid4(), tenant="default") for _ in range(2))
    kept = replace(golden.event(EmailDelivered), email_id=alive.email_id, tenant="default")
    part = records.encode(PersonalPart(tenant="default", address="ada@example.org"))
    words = [Record(PERSONAL.name, str(one.email_id).encode(), part) for one in (erased, alive)]
    for portion in ([record(erased), record(kept)], words)[:: 1 if erased_first else -1]:
        stage.produce(portion)
        stage.project()
    assert stage.rows("SELECT email_id FROM read_1.personal") == [(alive.email_id,)]


def test_aborted_transactions_leave_nothing_and_positions_reach_the_end(stage: Stage) -> None:
    log = make_log(4, emails=100)
    stage.produce_in_transactions(log)
    stage.project()
    assert len(stage.tables()["events"]) == sum(one.topic == EVENTS.name for one in log)
    check_against_the_judge(stage, log)


def test_reading_again_from_the_beginning_changes_nothing(stage: Stage) -> None:
    stage.produce(make_log(5, emails=100))
    stage.project()
    before = stage.tables()
    stage.rows("UPDATE read_1.checkpoints SET next_offset = 0, logged_at = NULL")
    stage.project()
    assert stage.tables() == before


def test_the_positions_are_in_postgres_and_not_in_kafka(stage: Stage) -> None:
    log = make_log(6, emails=100)
    stage.produce(log)
    stage.project()
    stage.rows("DROP SCHEMA read_1 CASCADE")
    stage.rows("DELETE FROM state.read_models")
    stage.project()
    check_against_the_judge(stage, log)


def test_partitions_that_move_between_projectors_lose_and_repeat_nothing(stage: Stage) -> None:
    log = make_log(8, emails=600)
    with stage.running(projector_batch=10):
        stage.produce(log[:700])
        for start in range(700, len(log), 700):
            with stage.running(projector_batch=10, admin_port=0):
                stage.produce(log[start : start + 700])
        stage.wait_until_projected()
    check_against_the_judge(stage, log)
    assert len(stage.tables()["events"]) == sum(one.topic == EVENTS.name for one in log)


def test_while_much_comes_transactions_are_few_and_large(stage: Stage) -> None:
    log = make_log(9, emails=600)
    producer = FutureProducer(config.producer(stage.settings, linger_ms=0))
    with stage.running() as projector:
        wait_for(lambda: projector.joined)
        begun = time.monotonic()
        for start in range(0, len(log), MANY):
            for one in log[start : start + MANY]:
                producer.send(stage.settings.topic(one.topic), key=one.key, value=one.value)
            time.sleep(GATHER / 5)
        assert producer.close() == 0
        stage.wait_until_projected()
        seconds = time.monotonic() - begun
    ((transactions,),) = stage.rows("SELECT count(DISTINCT xmin::text) FROM read_1.events")
    assert 3 <= transactions <= seconds / GATHER + 2
    check_against_the_judge(stage, log)
