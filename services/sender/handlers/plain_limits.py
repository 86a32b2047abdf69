"""The simplest limit: so many emails in hand for each site."""

from collections import Counter
from math import inf

from services.sender.domain.attempt import Ended
from services.sender.group import Group
from services.sender.settings import SenderSettings


class PlainLimits:
    """Used by the owner's thread alone, but for `connections`."""

    def __init__(self, settings: SenderSettings) -> None:
        self._most = settings.destination_in_flight
        self._in_hand: Counter[str] = Counter()

    def opens_at(self, site: str, *, stream: str, now: float) -> float:
        """0.0 or, when a site has enough, inf."""
        return inf if self._in_hand[site] >= self._most else 0.0

    def taken(self, site: str, *, stream: str, now: float) -> None:
        """An email goes there now."""
        self._in_hand[site] += 1

    def released(self, site: str) -> None:
        """It is in hand no more."""
        self._in_hand[site] -= 1

    def connections(self, site: str) -> int:
        """As many as emails."""
        return self._most

    def learn(self, group: Group, site: str, ended: Ended, *, now: float) -> None:
        """Nothing."""
