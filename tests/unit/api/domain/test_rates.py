"""Rates of batches: from looks of the last seconds only, and no guess where nobody can know."""

from typing import Any
from uuid import UUID

from msgspec.structs import replace

from services.api.domain.answers import BatchView, Position
from services.api.domain.rates import ROOM, Rates, finished

PLACE = Position(offsets={}, rules=1, token="", as_of=None)
VIEW = BatchView(
    batch_id=UUID(int=1),
    stream="broadcast",
    template=None,
    tags=(),
    reference=None,
    opened_at=None,
    closed_at=None,
    paused=False,
    cancelled=False,
    acknowledged=100,
    refused=0,
    received=0,
    counts={},
    position=PLACE,
)


def look(rates: Rates, at: float, final: int, **changes: Any) -> tuple[float | None, float | None]:
    view = replace(VIEW, counts={"delivered": final, "queued": 100 - final}, **changes)
    seen = rates.seen("default", view, at=at)
    return seen.rate, seen.eta_seconds


def test_a_rate_needs_two_looks() -> None:
    rates = Rates()
    assert look(rates, 0, 10) == (None, None)
    assert look(rates, 0.1, 11) == (None, None)
    assert look(rates, 2, 20) == (5.0, 16.0)


def test_old_looks_do_not_count() -> None:
    rates = Rates()
    look(rates, 0, 0)
    look(rates, 20, 60)
    assert look(rates, 40, 80) == (1.0, 20.0)
    assert look(rates, 100, 90) == (None, None)


def test_nobody_knows_how_long_what_stands_still_takes() -> None:
    rates = Rates()
    look(rates, 0, 10)
    assert look(rates, 5, 10) == (0.0, None)
    assert look(rates, 6, 40, paused=True) == (5.0, None)
    assert look(rates, 6, 40, acknowledged=None) == (5.0, None)
    assert look(rates, 10, 100) == (9.0, 0.0)


def test_batches_of_two_tenants_are_apart_and_old_ones_forgotten() -> None:
    rates = Rates()
    look(rates, 0, 0)
    assert rates.seen("other", VIEW, at=5).rate is None
    for number in range(ROOM):
        rates.seen("default", replace(VIEW, batch_id=UUID(int=number + 2)), at=6)
    assert look(rates, 7, 70) == (None, None)


def test_a_batch_is_finished_when_it_is_closed_and_all_is_final() -> None:
    assert not finished(replace(VIEW, acknowledged=None, counts={"delivered": 3}))
    assert not finished(replace(VIEW, counts={"delivered": 99, "in_doubt": 1}))
    assert finished(replace(VIEW, counts={"delivered": 90, "cancelled": 5, "rejected": 5}))
