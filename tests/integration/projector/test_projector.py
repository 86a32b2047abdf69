"""The projector on real Kafka and PostgreSQL: any order, any repetition, any end of the process, the same rows."""

import pytest

from tests.integration.projector.lives import make_log
from tests.integration.projector.stage import Stage

pytestmark = pytest.mark.integration


def test_a_log_is_projected_whole(stage: Stage) -> None:
    log = make_log(1, emails=300)
    stage.produce(log)
    stage.project()
    tables = stage.tables()
    assert all(tables.values()), {name: len(rows) for name, rows in tables.items()}
    assert len(tables["events"]) == sum(one.topic == "email.events" for one in log)
