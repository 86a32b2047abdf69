"""More than 1,000 hits of a token in an hour: no hit lost, no more than 1,000 events of their own."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from services.tracker.domain.bursts import SINGLE_HITS_AN_HOUR, Burst, Bursts
from shared.ids import derived_id
from shared.tokens import EmailToken

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def a_token(email_id: UUID, *, position: int = 0) -> EmailToken:
    """A token of that email."""
    return EmailToken(
        email_id=email_id.bytes,
        tenant="default",
        stream="broadcast",
        recipient_ref="ab" * 16,
        recipient_domain="example.org",
        position=position,
    )


A = Burst("open", "GET", a_token(derived_id("a")))
B = Burst("open", "GET", a_token(derived_id("b")))


def test_a_thousand_are_events_of_their_own_and_the_rest_a_count() -> None:
    bursts = Bursts()
    single = [bursts.is_single(A, now=NOON) for _ in range(1500)]
    assert single == [True] * 1000 + [False] * 500
    assert bursts.take() == {A: 500}
    assert bursts.take() == {}


def test_the_next_hour_begins_anew() -> None:
    bursts = Bursts()
    for _ in range(SINGLE_HITS_AN_HOUR):
        bursts.is_single(A, now=NOON)
    assert not bursts.is_single(A, now=NOON + timedelta(minutes=59))
    assert bursts.is_single(A, now=NOON + timedelta(hours=1))
    assert bursts.take() == {A: 1}, "what was counted before the hour was over is still told"


def test_tokens_kinds_links_and_tenants_are_counted_apart() -> None:
    bursts, token = Bursts(), A.token
    others = [B, Burst("click", "GET", token), Burst("open", "GET", a_token(token.email, position=1))]
    for _ in range(1001):
        bursts.is_single(A, now=NOON)
    assert all(bursts.is_single(other, now=NOON) for other in others)


def test_methods_share_the_thousand_and_are_told_apart() -> None:
    bursts, head = Bursts(), A._replace(method="HEAD")
    for _ in range(1000):
        bursts.is_single(A, now=NOON)
    assert not bursts.is_single(head, now=NOON)
    assert bursts.take() == {head: 1}


@settings(max_examples=30)
@given(st.lists(st.tuples(st.sampled_from([A, B]), st.integers(1, 700), st.integers(0, 40)), max_size=12))
def test_no_hit_is_ever_lost(hits: list[tuple[Burst, int, int]]) -> None:
    bursts, now = Bursts(), NOON
    told = dict.fromkeys((A, B), 0)
    for burst, number, minutes in hits:
        now += timedelta(minutes=minutes)
        told[burst] += sum(bursts.is_single(burst, now=now) for _ in range(number))
    for burst, count in bursts.take().items():
        told[burst] += count
    assert told == {each: sum(number for burst, number, _ in hits if burst == each) for each in (A, B)}
