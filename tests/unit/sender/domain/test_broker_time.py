"""The broker's clock, told by acknowledgements that take their time."""

from hypothesis import given
from hypothesis import strategies as st

from services.sender.domain.broker_time import BrokerTime


@given(st.floats(-7200, 7200), st.lists(st.floats(0.001, 2), min_size=1, max_size=50))
def test_the_quickest_acknowledgement_tells(ahead: float, delays: list[float]) -> None:
    time = BrokerTime()
    for number, delay in enumerate(delays):
        now = 1_000_000.0 + number
        time.heard(now + ahead - delay, now=now)
    assert ahead - min(delays) - 1e-6 <= time.ahead <= ahead + 1e-6


def test_nothing_heard_is_nothing_ahead() -> None:
    assert BrokerTime().ahead == 0.0


def test_when_our_clock_is_set_right_the_old_difference_is_forgotten() -> None:
    time = BrokerTime()
    time.heard(5000.0, now=1400.0)
    assert time.ahead == 3600.0
    time.heard(5000.0, now=5000.0)
    assert time.ahead == 0.0


def test_a_difference_that_grows_smaller_is_known_after_two_windows() -> None:
    time = BrokerTime()
    for second in range(200):
        time.heard(1000.0 + second + (2.0 if second < 50 else 1.0), now=1000.0 + second)
    assert time.ahead == 1.0
