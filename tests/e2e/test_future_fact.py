"""A fact of a version of the future: the projector says which one it lacks, diverts nothing, and waits (P13)."""

import json
from pathlib import Path

import httpx2
import pytest
from confluent_kafka import Producer

from cli.stack.addresses import NOTHING_GIVEN
from cli.stack.stack import ANY_PORT, Stack
from shared.settings import KafkaSettings
from shared.topics import DEAD_LETTERS, EVENTS
from tests import logs
from tests.e2e.asking import Json, until
from tests.servers import LoopThread

pytestmark = pytest.mark.e2e
FACT = {"type": "email.queued", "version": 99, "event_id": "01937000-0000-7000-8000-000000000001", "mood": "good"}


def test_a_fact_of_the_future_blocks_its_partition(tmp_path: Path) -> None:
    thread = LoopThread()
    stack = Stack(
        tmp_path,
        parts=("kafka", "postgres", "projector"),
        given=NOTHING_GIVEN,
        usual_ports=ANY_PORT,
        durable=False,
        say=print,
    )
    try:
        thread.run(stack.__aenter__())
        assert readiness(stack) == (200, "ok")
        producer = Producer({"bootstrap.servers": stack.addresses.kafka})
        producer.produce(EVENTS.name, json.dumps(FACT), b"key")
        assert producer.flush(20) == 0
        status, said = until(lambda: found if (found := readiness(stack))[0] != 200 else None)
        assert status == 503
        assert "email.queued" in said and "99" in said and "upgrade" in said
        assert logs.read(KafkaSettings(kafka_bootstrap_servers=stack.addresses.kafka), DEAD_LETTERS.name) == []
    finally:
        thread.run(stack.__aexit__())
        thread.stop()


def readiness(stack: Stack) -> tuple[int, str]:
    """The projector's status, and what it says about facts."""
    answer = httpx2.get(f"{stack.addresses.projector}/readyz")
    checks: Json = answer.json()["checks"]
    return answer.status_code, str(checks["facts"])
