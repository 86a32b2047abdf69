"""The rate of a batch on real Kafka: kept by two owners together, while other mail goes as fast as it can."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from shared.records import Control, control_key, encode
from shared.topics import CONTROLS, REQUESTS_BULK
from tests.fakes.delivery import FakeDelivery
from tests.integration.sender.stage import OK, Stage, an_email, settings_for

pytestmark = pytest.mark.integration
RATE = 6.0


@pytest.fixture
def stage(kafka_url: str, topic_prefix: str, tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(settings_for(kafka_url, topic_prefix, destination_in_flight=100), tmp_path)
    yield stage
    stage.stop()
    assert not stage.failures


def test_two_owners_keep_it_together(stage: Stage) -> None:
    batch_id, slow, other = uuid4(), [], []
    said = Control(tenant="default", kind="rate", name=str(batch_id), rate=RATE, at=datetime.now(UTC))
    stage.raw(encode(said), key=control_key(said).encode(), topic=CONTROLS.name)
    deliveries = [FakeDelivery(lambda job: OK), FakeDelivery(lambda job: OK)]
    owners = [stage.start(each, slot=f"sender-{number}") for number, each in enumerate(deliveries)]
    stage.until(lambda: sorted(n for owner in owners for n in owner._ownership.tables) == [0, 1, 2], seconds=60)
    stage.until(lambda: all(owner._ownership.tables for owner in owners), seconds=60)
    for _ in range(60):
        slow.append(an_email(batch_id=batch_id))
        other.append(an_email())
        stage.ask(slow[-1], topic=REQUESTS_BULK.name)
        stage.ask(other[-1])

    def granted(wanted: list[object]) -> int:
        ids = {email.email_id for email in wanted}  # type: ignore[attr-defined]
        return sum(job.email_id in ids for each in deliveries for job in each.granted)

    stage.until(lambda: granted([*other]) == 60 and granted([*slow]) > 0)
    before, began = granted([*slow]), time.monotonic()
    stage.until(lambda: granted([*slow]) >= before + 20)
    took = time.monotonic() - began
    assert 20 / took <= RATE * 1.5, "no faster than was asked, but for what a second may make up"
    stage.raw(None, key=control_key(said).encode(), topic=CONTROLS.name)
    stage.until(lambda: granted([*slow]) == 60, seconds=5)
