"""Time, on real processes: what `make scale` does by the hundred thousand, small."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scale import races, retention, takeover, timers
from tests.scale.place import Place, a_place

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]


@pytest.fixture
def place(kafka_url: str, topic_prefix: str, tmp_path: Path) -> Iterator[Place]:
    with a_place(kafka_url, tmp_path, prefix=topic_prefix, partitions=3) as place:
        yield place


def test_scheduled_emails_go_out_once_and_in_time_whatever_becomes_of_the_sender(place: Place) -> None:
    timers.run(place, timers.Plan(emails=200, real=5, restarts=2, lead=12, latest=60))


def test_a_command_in_the_due_moment_is_answered_as_it_comes_to_pass(place: Place) -> None:
    found = races.run(place, races=80, seconds=4, seed=5, restart=False)
    assert found["cancelled"] and found["rescheduled"]


def test_what_waits_for_days_outlives_the_requests_and_the_disk(place: Place) -> None:
    retention.run(place, emails=20, seconds=30, expire=retention.by_deletion)


def test_partitions_of_a_killed_sender_move_on_in_under_ten_seconds(place: Place) -> None:
    print(takeover.run(place))
