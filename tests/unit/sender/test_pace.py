"""Company for a commit, and steps for transactional mail alone."""

from uuid import UUID

import pytest

from services.sender.handlers.delivery import Job
from services.sender.pace import PATIENCE, URGENT_PATIENCE, Pace
from shared.clock import SystemClock
from tests.unit.sender.examples import an_open


class Moments(SystemClock):
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.at = 1000.0

    def boottime(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Moments:
    return Moments()


@pytest.fixture
def pace(clock: Moments) -> Pace:
    return Pace(clock)


def ripe(pace: Pace, waiting: int, busy: int, *, hurry: bool = False, urgent: bool = False) -> bool:
    return pace.ripe(waiting=waiting, busy=busy, hurry=hurry, urgent=urgent)


def test_one_alone_is_committed_at_once_and_nothing_never(pace: Pace) -> None:
    assert ripe(pace, 1, 1) and not ripe(pace, 0, 1)


@pytest.mark.parametrize(("hurry", "patience"), [(False, PATIENCE), (True, URGENT_PATIENCE)])
def test_fewer_than_half_wait_for_company_but_not_for_long(
    pace: Pace, clock: Moments, hurry: bool, patience: float
) -> None:
    assert not ripe(pace, 1, 10, hurry=hurry, urgent=hurry)
    clock.at += patience / 2
    assert not ripe(pace, 2, 10, hurry=hurry, urgent=hurry)
    clock.at += patience
    assert ripe(pace, 2, 10, hurry=hurry, urgent=hurry)
    pace.collected()
    assert not ripe(pace, 1, 10, hurry=hurry, urgent=hurry), "who comes next waits anew"


def test_a_dialogue_that_takes_its_time_is_company_for_nobody(pace: Pace, clock: Moments) -> None:
    """Ten of twelve in hand speak to a slow server: of the other two, one is half."""
    slow = [Job(0, 1, email_id=UUID(int=n), email=an_open(), queue="q", site="slow") for n in range(10)]
    pace.begun(slow)
    assert not ripe(pace, 1, 12)
    clock.at += 2 * PATIENCE
    pace.collected()
    assert ripe(pace, 1, 12)
    pace.collected()
    for job in slow:
        job.over = True
        pace.over(job)
    assert not ripe(pace, 1, 12), "they are in hand no more"


def test_what_has_ended_is_not_kept_though_nobody_asks_what_is_ripe(pace: Pace, clock: Moments) -> None:
    """As when every step has requests to read."""
    for number in range(100):
        job = Job(0, 1, email_id=UUID(int=number), email=an_open(), queue="q", site="s")
        pace.begun([job])
        job.over = True
        pace.over(job)
        clock.at += PATIENCE / 10
    assert len(pace._speaking) < 20


def test_without_transactional_mail_no_step_is_in_a_hurry(pace: Pace) -> None:
    assert not any(pace.hurry(urgent=False) for _ in range(10))


def test_beside_transactional_mail_the_others_have_a_step_ten_times_a_second(pace: Pace, clock: Moments) -> None:
    steps = []
    for _ in range(1000):
        clock.at += 0.001
        steps.append(pace.hurry(urgent=True))
    assert 9 <= steps.count(False) <= 11
    assert ripe(pace, 1, 100, hurry=False, urgent=True), "and then whatever waits is taken along"
