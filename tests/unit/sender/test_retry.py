"""Back-off: first delay, factor, ceiling, jitter, attempts and span."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sender.domain.retry import RetryPolicy, delay, retry_at

POLICY = RetryPolicy(first_seconds=10, factor=2, ceiling_seconds=100, jitter=0.2, attempts=5, span_seconds=1000)
NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 10), (2, 20), (3, 40), (4, 80), (5, 100), (500, 100)])
def test_delays_grow_by_the_factor_up_to_the_ceiling(attempt: int, seconds: float) -> None:
    assert delay(POLICY, attempt=attempt, chance=0.5) == timedelta(seconds=seconds)


@given(attempt=st.integers(1, 10_000), chance=st.floats(0, 1, exclude_max=True))
def test_jitter_stays_within_its_share(attempt: int, chance: float) -> None:
    middle = delay(POLICY, attempt=attempt, chance=0.5).total_seconds()
    assert 0.8 * middle <= delay(POLICY, attempt=attempt, chance=chance).total_seconds() <= 1.2 * middle + 1e-6


def test_no_retry_after_the_last_attempt() -> None:
    far = NOW + timedelta(days=1)
    assert retry_at(POLICY, attempt=4, now=NOW, expires_at=far, chance=0.5) == NOW + timedelta(seconds=80)
    assert retry_at(POLICY, attempt=5, now=NOW, expires_at=far, chance=0.5) is None


def test_no_retry_that_would_come_after_the_span() -> None:
    assert retry_at(POLICY, attempt=1, now=NOW, expires_at=NOW + timedelta(seconds=10), chance=0.5) is None
    assert retry_at(POLICY, attempt=1, now=NOW, expires_at=NOW + timedelta(seconds=11), chance=0.5) is not None
