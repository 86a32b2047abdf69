"""Every golden record goes through the projector: whatever was ever written can be projected."""

import pytest

from shared.events import codec
from shared.topics import DEAD_LETTERS, EVENTS, PERSONAL
from tests import golden
from tests.integration.projector.lives import Record
from tests.integration.projector.stage import Stage
from tests.logs import read

pytestmark = pytest.mark.integration


def test_every_golden_fact_is_kept_and_none_is_unreadable(stage: Stage) -> None:
    facts = {path: golden.decode(path) for path in golden.paths("events")}
    log = [Record(EVENTS.name, codec.key(fact), golden.value(path)) for path, fact in facts.items()]
    for path in golden.paths("records"):
        if golden.schema_of(path) == "PersonalPart":
            log.append(Record(PERSONAL.name, str(next(iter(facts.values())).email_id).encode(), golden.value(path)))
    stage.produce(log)
    stage.project()
    kept = stage.rows("SELECT event_id::text, type FROM read_1.events")
    assert sorted(kept) == sorted((str(fact.event_id), codec.event_type(fact)) for fact in facts.values())
    assert read(stage.settings, DEAD_LETTERS.name) == []
