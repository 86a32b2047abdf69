"""Clocks that are wrong by an hour."""

import time

from tests.faults.registry import scenario
from tests.faults.trial import Trial

HOUR = 3600


@scenario("the sender's clock an hour ahead, then right again: mail goes on, nothing twice")
def clock_an_hour_ahead(trial: Trial) -> None:
    """What was queued by the wrong clock is not held back by the right one."""
    _wrong_by(trial, HOUR)


@scenario("the sender's clock an hour behind, then right again: mail goes on, nothing twice")
def clock_an_hour_behind(trial: Trial) -> None:
    """What was queued by the right clock is not held back by the wrong one."""
    _wrong_by(trial, -HOUR)


def _wrong_by(trial: Trial, seconds: int) -> None:
    processes = trial.lab.processes
    with trial.load():
        _killed(trial, "sender")
        killed = time.monotonic()
        with processes.another_sender("shifted", options=("--clock-offset", str(seconds))):
            trial.recovers(since=killed)
            _killed(trial, "shifted")
        killed = time.monotonic()
        processes.start("sender")
        trial.recovers(since=killed)


def _killed(trial: Trial, name: str) -> None:
    trial.in_the_middle()
    trial.cuts_the_sender()
    trial.lab.processes.kill(name)
