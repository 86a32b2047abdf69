"""The machine's clocks as a port."""

from datetime import UTC, timedelta

from shared.clock import Clock, SystemClock


def test_the_system_clock() -> None:
    clock: Clock = SystemClock()
    began, mark = clock.now(), clock.boottime()
    clock.sleep(0.01)
    assert began.tzinfo is UTC and timedelta(seconds=0.01) <= clock.now() - began < timedelta(seconds=5)
    assert 0.01 <= clock.boottime() - mark < 5
