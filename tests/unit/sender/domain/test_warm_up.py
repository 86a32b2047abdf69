"""The schedule of a new source address."""

from datetime import date

import pytest
from pydantic import ValidationError

from services.sender.domain.warm_up import WarmUp, day_of, next_day

START = date(2026, 11, 24)


def limits(schedule: WarmUp, *days: int) -> list[int | None]:
    return [schedule.limit(date(2026, 11, day)) for day in days]


def test_a_list_has_a_limit_for_each_day_and_none_after_the_last() -> None:
    schedule = WarmUp(source="192.0.2.1", start=START, daily=[50, 100, 200])
    assert limits(schedule, 23, 24, 25, 26, 27) == [0, 50, 100, 200, None]


def test_of_given_days_each_counts_until_the_next() -> None:
    schedule = WarmUp(source="192.0.2.1", start=START, daily={1: 50, 3: 100, 5: 1000})
    assert limits(schedule, 24, 25, 26, 27, 28, 29) == [50, 50, 100, 100, 1000, None]


def test_a_schedule_without_days_is_refused() -> None:
    with pytest.raises(ValidationError):
        WarmUp(source="192.0.2.1", start=START, daily=[])


def test_days_are_utc_days() -> None:
    evening = 1_795_564_799.5  # 2026-11-24T23:59:59.5Z
    assert day_of(evening) == START
    assert next_day(evening) - evening == 0.5
