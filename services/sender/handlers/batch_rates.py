"""The rate of a batch, over all senders: how many of its emails may be handed out in a second."""

from collections.abc import Callable
from typing import Final

from services.sender.domain.broker_time import BrokerTime
from services.sender.domain.shared_pace import SharedPace
from services.sender.domain.shares import Share
from services.sender.handlers.last_words import Controls

LOOK: Final = 0.5  # seconds between two portions: a batch has a queue for each destination, and all are looked at
Batch = tuple[str, str]  # tenant and id


class BatchRates:
    """For the owner's thread. `share` returns the same object until partitions move."""

    def __init__(self, *, controls: Controls, share: Callable[[], Share], broker_time: BrokerTime) -> None:
        self._controls = controls
        self._share = share
        self._broker_time = broker_time
        self._version = -1
        self._seen: Share | None = None
        self._paces: dict[Batch, SharedPace] = {}
        self._rates: dict[Batch, float] = {}

    def opens_at(self, tenant: str, batch: str, *, now: float) -> float:
        """0.0: another email of the batch may go now; else when to look again (seconds of the epoch)."""
        pace = self._pace(tenant, batch, now)
        opens = 0.0 if pace is None else pace.opens_at()
        return 0.0 if opens <= now else max(opens, now + LOOK)

    def taken(self, tenant: str, batch: str, *, now: float) -> None:
        """One of its emails goes now."""
        pace = self._pace(tenant, batch, now)
        if pace is not None:
            pace.taken(now)

    def _pace(self, tenant: str, batch: str, now: float) -> SharedPace | None:
        if self._version != self._controls.controls_version or self._seen is not self._share():
            self._listen(now)
        pace = self._paces.get((tenant, batch))
        if pace is not None and now >= pace.closes:
            self._keep((tenant, batch), pace, now)
        return pace

    def _listen(self, now: float) -> None:
        self._version, self._seen = self._controls.controls_version, self._share()
        said = self._controls.controls_of("rate")
        self._rates = {(each.tenant, each.name): each.rate for each in said if each.rate is not None}
        self._paces = {batch: self._paces.get(batch) or SharedPace() for batch in self._rates}
        for batch, pace in self._paces.items():
            self._keep(batch, pace, now)

    def _keep(self, batch: Batch, pace: SharedPace, now: float) -> None:
        pace.keep(self._rates[batch], self._share(), ahead=self._broker_time.ahead, now=now)
