"""The broker's time, as far as its acknowledgements tell: what senders whose clocks differ have in common. Pure."""

from typing import Final

WINDOW_SECONDS: Final = 60.0


class BrokerTime:
    """How many seconds the broker's clock is ahead of ours.

    An acknowledgement is heard a little after the log time that it carries. So of those of the last minutes the one
    that was under way for the shortest time tells best.
    """

    def __init__(self) -> None:
        self._since = float("-inf")
        self._best: float | None = None
        self._before: float | None = None

    @property
    def ahead(self) -> float:
        """Seconds; 0.0 before anything was heard."""
        return max((each for each in (self._best, self._before) if each is not None), default=0.0)

    def heard(self, logged_at: float, *, now: float) -> None:
        """A record was acknowledged now, by our clock, that was appended at `logged_at`, by the broker's (epoch)."""
        if not self._since <= now < self._since + WINDOW_SECONDS:
            recent = abs(now - self._since) < 2 * WINDOW_SECONDS
            self._since, self._before, self._best = now, self._best if recent else None, None
        ahead = logged_at - now
        self._best = ahead if self._best is None else max(self._best, ahead)
