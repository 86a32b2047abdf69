"""How fast batches come to their end, as far as looks at them tell."""

from collections import OrderedDict, deque
from typing import Final
from uuid import UUID

from msgspec.structs import replace

from services.api.domain.answers import BatchView
from shared.lifecycle import FINAL

WINDOW: Final = 30.0  # seconds of looks that a rate is taken over
APART: Final = 1.0  # seconds between two looks that are kept
ROOM: Final = 1000  # batches that are remembered

Look = tuple[float, int]  # when (seconds of a clock that only moves on), and how many emails were final


def done(view: BatchView) -> int:
    """How many of its emails are final."""
    return sum(emails for status, emails in view.counts.items() if status in FINAL)


def finished(view: BatchView) -> bool:
    """Whether it is closed and all that was accepted is final."""
    return view.acknowledged is not None and done(view) >= view.acknowledged


class Rates:
    """The last looks at each of the batches looked at lately."""

    def __init__(self) -> None:
        self._looks: OrderedDict[tuple[str, UUID], deque[Look]] = OrderedDict()

    def seen(self, tenant: str, view: BatchView, *, at: float) -> BatchView:
        """The view with its rate (None at a first look) and the time that is left at that rate."""
        looks = self._looks.setdefault((tenant, view.batch_id), deque())
        self._looks.move_to_end((tenant, view.batch_id))
        if len(self._looks) > ROOM:
            self._looks.popitem(last=False)
        rate = _rate(looks, at, done(view))
        return replace(view, rate=rate, eta_seconds=_left(view, rate))


def _rate(looks: deque[Look], at: float, final: int) -> float | None:
    while looks and looks[0][0] < at - WINDOW:
        looks.popleft()
    if not looks or at - looks[-1][0] >= APART:
        looks.append((at, final))
    since, before = looks[0]
    return None if at - since < APART else round(max(0, final - before) / (at - since), 1)


def _left(view: BatchView, rate: float | None) -> float | None:
    """Seconds until the last one is final; None while nobody can say."""
    if finished(view):
        return 0.0
    if view.acknowledged is None or view.paused or not rate:
        return None
    return round((view.acknowledged - done(view)) / rate, 1)
