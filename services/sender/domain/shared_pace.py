"""Our part of a rate that all senders keep together (rule 11). Pure."""

from math import inf

from services.sender.domain.limits import BURST_SECONDS, Pace
from services.sender.domain.shares import Share, Span, moves, turn


class SharedPace:
    """Divided by the partitions owned; a rate too small for that moves among them by turns of broker time."""

    def __init__(self) -> None:
        self._pace: Pace | None = None
        self._paced = (0.0, 0.0)
        self._span: Span | None = None

    @property
    def unlimited(self) -> bool:
        """Whether there is no rate."""
        return self._pace is None

    @property
    def closes(self) -> float:
        """When our turn ends and `keep` must be asked again (seconds of the epoch)."""
        return inf if self._span is None else self._span.closes

    def keep(self, rate: float | None, share: Share, *, ahead: float, now: float) -> None:
        """The rate over all senders from now on; `ahead` are the seconds that the broker's clock is ahead of ours."""
        if rate is None:
            self._pace, self._span = None, None
            return
        if not share.owned:
            return
        moving = moves(rate, share)
        self._span = _turn(rate, share, ahead=ahead, now=now) if moving else None
        part = 1.0 if moving else share.part
        paced = (rate * part, 1.0 if moving else rate * part * BURST_SECONDS)
        if self._pace is None:
            self._pace = Pace(paced[0], burst=paced[1], now=now)
        elif paced != self._paced:
            self._pace.change(paced[0], burst=paced[1], now=now)
        self._paced = paced

    def opens_at(self) -> float:
        """When the next may go, in seconds of the epoch; 0.0 without a rate."""
        if self._pace is None:
            return 0.0
        return max(self._pace.opens_at(), self._span.opens if self._span else 0.0)

    def busy(self, now: float) -> bool:
        """Whether it would let more go, were it begun anew."""
        return self._pace is not None and self._pace.opens_at() > now

    def taken(self, now: float) -> None:
        """One goes now."""
        if self._pace is not None:
            self._pace.taken(now)


def _turn(rate: float, share: Share, *, ahead: float, now: float) -> Span | None:
    """Our turn with a rate that moves by slots of broker time, in our own."""
    span = turn(rate, share, now=now + ahead)
    return None if span is None else Span(span.opens - ahead, span.closes - ahead)
