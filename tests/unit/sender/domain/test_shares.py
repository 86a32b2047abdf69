"""Permits of all owners together: none is lost, none is in two hands."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sender.domain.shares import Share, dealt, moves, permits, turn


@st.composite
def owners(draw: st.DrawFn) -> list[Share]:
    """Partitions dealt to owners."""
    partitions = draw(st.integers(1, 24))
    whose = draw(st.lists(st.integers(0, 4), min_size=partitions, max_size=partitions))
    return [
        Share(owned=frozenset(number for number, who in enumerate(whose) if who == owner), partitions=partitions)
        for owner in sorted(set(whose))
    ]


@given(owners(), st.integers(1, 100), st.integers(0, 1000))
def test_all_permits_are_dealt_once_in_every_slot(shares: list[Share], limit: int, slot: int) -> None:
    held = [dealt(limit, owned=share.owned, partitions=share.partitions, slot=slot) for share in shares]
    assert sum(held) == limit


@given(owners(), st.integers(1, 100), st.floats(0, 100_000))
def test_there_are_never_more_permits_than_the_limit(shares: list[Share], limit: int, now: float) -> None:
    assert sum(permits(limit, share, now=now) for share in shares) <= limit


@given(owners(), st.integers(1, 100), st.floats(0, 100_000), st.floats(-4.9, 4.9))
def test_nor_when_one_owner_has_another_idea_of_the_time(
    shares: list[Share], limit: int, now: float, off: float
) -> None:
    first, *rest = shares
    assert permits(limit, first, now=now + off) + sum(permits(limit, each, now=now) for each in rest) <= limit


@given(owners(), st.integers(1, 100))
def test_every_owner_has_a_permit_once_in_a_while(shares: list[Share], limit: int) -> None:
    for share in shares:
        assert any(permits(limit, share, now=30.0 + 60.0 * slot) for slot in range(share.partitions))


def going(rate: float, share: Share, *, until: float, off: float = 0.0) -> Iterator[float]:
    """The moments at which an owner that always has more sends; its clock is `off` seconds ahead."""
    now, last = 0.0, float("-inf")
    while (span := turn(rate, share, now=now)) is not None and now < until:
        now = max(now, span.opens, last + 1 / rate)
        if now < span.closes:
            last = now
            yield now - off


@given(owners().filter(lambda shares: len(shares) > 1), st.floats(0.02, 0.9), st.floats(-0.9, 0.9))
def test_a_rate_that_moves_is_kept_over_all_owners(shares: list[Share], rate: float, off: float) -> None:
    until = 30 / rate
    skewed = [off if number == 0 and rate > 0.5 else 0.0 for number in range(len(shares))]
    moments = sorted(
        moment
        for share, ahead in zip(shares, skewed, strict=True)
        for moment in going(rate, share, until=until, off=ahead)
    )
    slack = abs(off) if rate > 0.5 else 0.0
    for one, other in pairwise(moments):
        assert other - one >= 1 / rate - slack - 1e-6
    assert len(moments) >= 0.5 * 30


def test_a_rate_that_can_be_divided_does_not_move() -> None:
    half = Share(owned=frozenset({0, 1, 2}), partitions=6)
    assert not moves(6.0, half)
    assert moves(5.9, half)
    assert not moves(0.1, Share(owned=frozenset(range(6)), partitions=6))


def test_the_next_turn_comes_when_this_one_is_over() -> None:
    share = Share(owned=frozenset({0, 1}), partitions=6)
    assert turn(1.0, share, now=3.0) == (1.0, 9.0)
    assert turn(1.0, share, now=9.0) == pytest.approx((31.0, 39.0))
    assert turn(1.0, Share(owned=frozenset(), partitions=6), now=0.0) is None
