"""Positions as tokens, and how fresh an answer is."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.position import RULES, Checkpoint, Position, freshness, parse, position_of

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
OFFSETS = st.dictionaries(st.text(max_size=9), st.dictionaries(st.integers(0, 99).map(str), st.integers(0, 2**62)))


def checkpoint(partition: int, next_offset: int, *, seconds_ago: float | None = 5) -> Checkpoint:
    at = None if seconds_ago is None else NOW - timedelta(seconds=seconds_ago)
    return Checkpoint("email.events", partition, next_offset, at)


@given(OFFSETS, st.integers(0, 9))
def test_a_token_gives_the_position_back_and_needs_no_escaping(offsets: dict[str, dict[str, int]], rules: int) -> None:
    position = Position(offsets=offsets, rules=rules)
    token = position.token()
    assert parse(token) == position
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_equal_positions_have_equal_tokens_whatever_order_they_were_read_in() -> None:
    one = position_of([checkpoint(0, 5), checkpoint(1, 6)])
    other = position_of([checkpoint(1, 6), checkpoint(0, 5)])
    assert one.token() == other.token()
    assert one == Position(offsets={"email.events": {"0": 5, "1": 6}}, rules=RULES)


@pytest.mark.parametrize("token", ["", "x", "é", "!!!!", base64.urlsafe_b64encode(b'{"offsets":1}').decode()])
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(ValueError, match="not a position"):
        parse(token)


def test_read_models_that_have_all_are_fresh_however_old_the_last_record_is() -> None:
    assert freshness([checkpoint(0, 5, seconds_ago=9999)], ends={("email.events", 0): 5}, now=NOW) == 0


def test_the_slowest_partition_says_how_old_they_are_at_most() -> None:
    checkpoints = [checkpoint(0, 5, seconds_ago=3), checkpoint(1, 5, seconds_ago=40), checkpoint(2, 5, seconds_ago=99)]
    ends = {("email.events", 0): 6, ("email.events", 1): 9, ("email.events", 2): 5}
    assert freshness(checkpoints, ends=ends, now=NOW) == 40


def test_a_partition_of_which_nothing_is_known_leaves_the_age_unknown() -> None:
    assert freshness([checkpoint(0, 0, seconds_ago=None)], ends={("email.events", 0): 1}, now=NOW) is None
