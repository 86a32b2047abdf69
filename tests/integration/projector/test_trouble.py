"""What nobody can read, what this release cannot read, what PostgreSQL cannot hold, and servers that go away."""

import json
import threading
import urllib.error
import urllib.request
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from msgspec.structs import replace

from shared.events import EmailDelivered, EmailQueued, codec
from shared.kafka.dead_letter import TooManyDeadLetters
from shared.topics import DEAD_LETTERS, EVENTS, PERSONAL
from tests import golden
from tests.integration.projector.lives import Record, make_log, record
from tests.integration.projector.stage import Stage, wait_for
from tests.logs import read

pytestmark = pytest.mark.integration
LOG = make_log(11, emails=60)
FACTS = sum(one.topic == EVENTS.name for one in LOG)
KEY = b"0"


def ready(stage: Stage) -> tuple[int, dict[str, str]]:
    """What /readyz answers."""
    url = f"http://127.0.0.1:{stage.settings.admin_port}/readyz"
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, json.load(answer)["checks"]
    except urllib.error.HTTPError as answer:
        with answer:
            return answer.code, json.load(answer)["checks"]


def metric(stage: Stage, name: str) -> dict[str, float]:
    """The values of a metric by their labels."""
    url = f"http://127.0.0.1:{stage.settings.admin_port}/metrics"
    with urllib.request.urlopen(url, timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return {line.split()[0][len(name) :]: float(line.split()[1]) for line in lines if line.startswith(f"{name}{{")}


def dead_letters(stage: Stage) -> list[dict[str, Any]]:
    """The headers of all dead letters, with the original."""
    found = read(stage.settings, DEAD_LETTERS.name)
    return [dict(message.headers() or []) | {"original": message.value()} for message in found]


GARBAGE = [
    Record(EVENTS.name, KEY, b"garbage"),
    Record(EVENTS.name, KEY, None),
    Record(EVENTS.name, KEY, b'{"type":"email.queued","tenant":7}'),
    Record(EVENTS.name, KEY, b"\x00" * 900_000),
    Record(PERSONAL.name, b"no id", b"{}"),
    Record(PERSONAL.name, str(uuid4()).encode(), b'{"tenant":"default"}'),
]


def test_garbage_becomes_dead_letters_with_reason_and_place_and_the_partitions_move_on(stage: Stage) -> None:
    stage.produce(GARBAGE[:3] + LOG[:100] + GARBAGE[3:] + LOG[100:], ours=False)
    with stage.running(dead_letter_limit=0):
        stage.wait_until_projected()
        wait_for(lambda: ready(stage)[0] == 200)
    assert len(stage.tables()["events"]) == FACTS
    found = dead_letters(stage)
    assert sorted(len(one["original"]) for one in found) == sorted(len(one.value or b"") for one in GARBAGE)
    assert all(one["reason"] and one["source_offset"] for one in found)
    assert {one["source_topic"].decode() for one in found} == {
        stage.settings.topic(EVENTS.name),
        stage.settings.topic(PERSONAL.name),
    }
    assert [one["source_null"] for one in found].count(b"true") == 1


def test_garbage_of_our_own_producers_stops_the_projector_loudly_after_the_limit(stage: Stage) -> None:
    stage.produce(GARBAGE[:3])
    with pytest.raises(TooManyDeadLetters), stage.running(dead_letter_limit=2, projector_batch=1):
        wait_for(lambda: "projector" not in {thread.name for thread in threading.enumerate()})
    assert len(dead_letters(stage)) == 2
    (at,) = (end for (topic, _), end in stage.positions().items() if topic == EVENTS.name and end)
    assert at == 2, "it may not move past the record that it could not divert"


def test_a_fact_of_an_unknown_version_is_not_passed_and_the_projector_says_what_it_lacks(stage: Stage) -> None:
    future = codec.encode(golden.event(EmailQueued)).replace(b"{", b'{"version":7,', 1)
    stage.produce([Record(EVENTS.name, b"k", future)], partition=1)
    stage.produce([one for one in LOG if one.topic == EVENTS.name], partition=1)
    stage.produce(LOG[:50], partition=2)
    with stage.running():
        wait_for(lambda: ready(stage)[1]["facts"] != "ok" and stage.positions().get((EVENTS.name, 2), 0) > 0)
        status, checks = ready(stage)
        assert status == 503
        assert "email.queued of version 7" in checks["facts"] and "upgrade" in checks["facts"]
        assert stage.positions()[EVENTS.name, 1] == 0
        wait_for(lambda: metric(stage, "postlog_projector_lag_records")['{partition="1",topic="email.events"}'] > FACTS)
    assert dead_letters(stage) == []
    with stage.running():  # started again, it meets it again
        wait_for(lambda: ready(stage)[0] == 503 and ready(stage)[1]["facts"] != "ok")
    assert stage.positions()[EVENTS.name, 1] == 0


def test_a_number_that_postgres_cannot_hold_is_diverted_alone(stage: Stage) -> None:
    bad = record(replace(golden.event(EmailDelivered), email_id=uuid4(), smtp_reply_code=10**30))
    stage.produce([*LOG[:80], bad, *LOG[80:]], ours=False)
    stage.project()
    assert len(stage.tables()["events"]) == FACTS
    (letter,) = dead_letters(stage)
    assert letter["original"] == bad.value
    assert b"cannot be stored" in letter["reason"]


def test_a_nul_in_a_servers_reply_is_a_fact_like_any_other(stage: Stage) -> None:
    fact = replace(golden.event(EmailDelivered), smtp_reply_text="2.0.0 \0 Ok")
    stage.produce([record(fact)])
    stage.project()
    assert dead_letters(stage) == []
    expected = "2.0.0 \N{REPLACEMENT CHARACTER} Ok"
    assert stage.rows("SELECT last_reply_text FROM read_1.emails") == [(expected,)]
    assert stage.rows("SELECT body->>'smtp_reply_text' FROM read_1.events") == [(expected,)]


def test_postgres_away_is_waited_for_and_nothing_is_lost(stage: Stage) -> None:
    database = stage.url.rsplit("/", 1)[1]
    server = stage.url.rsplit("/", 1)[0] + "/postgres"
    with stage.running(projector_batch=20), psycopg.connect(server, autocommit=True) as operator:
        stage.produce(LOG[:150])
        stage.wait_until_projected()
        operator.execute(f"ALTER DATABASE {database} ALLOW_CONNECTIONS false")
        operator.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (database,))
        stage.produce(LOG[150:])
        wait_for(lambda: "PostgreSQL" in ready(stage)[1]["read models"])
        assert ready(stage)[0] == 503
        operator.execute(f"ALTER DATABASE {database} ALLOW_CONNECTIONS true")
        stage.wait_until_projected()
        wait_for(lambda: ready(stage)[0] == 200)
    assert len(stage.tables()["events"]) == FACTS


def test_a_database_without_the_schema_state_is_waited_for_too(stage: Stage) -> None:
    stage.rows("ALTER SCHEMA state RENAME TO not_yet")
    stage.produce(LOG)
    with stage.running():
        wait_for(lambda: "postlog migrate" in ready(stage)[1]["read models"])
        stage.rows("ALTER SCHEMA not_yet RENAME TO state")
        stage.wait_until_projected()
    assert len(stage.tables()["events"]) == FACTS


def test_another_log_than_the_one_that_was_projected_is_said(stage: Stage) -> None:
    stage.produce(LOG)
    stage.project()
    stage.rows("UPDATE read_1.checkpoints SET next_offset = next_offset + 1000")
    with stage.running():
        wait_for(lambda: "made from another log" in ready(stage)[1]["read models"])


def test_lag_and_position_are_told(stage: Stage) -> None:
    stage.produce(LOG)
    with stage.running():
        stage.wait_until_projected()
        ends = {f'{{partition="{number}",topic="{topic}"}}': end for (topic, number), end in stage.ends().items()}
        wait_for(lambda: metric(stage, "postlog_projector_offset").items() >= ends.items())
        wait_for(lambda: set(metric(stage, "postlog_projector_lag_records").values()) == {0.0})
