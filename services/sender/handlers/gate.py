"""Whether a ready queue may go now, and by what it is held up otherwise."""

from collections.abc import Callable
from math import inf
from typing import Final

from services.sender.handlers.ports import BatchRates, Limits, Router, Tables
from services.sender.ready import OPEN, Opening, QueueKey, Ready
from shared.clock import Clock

PAUSED: Final = Opening(inf, "\x00paused")
FULL: Final = Opening(inf, "\x00broadcast")


class Gate:
    """Asked for each queue whose turn it is. `full` says whether broadcast mail holds all that it may."""

    def __init__(
        self,
        *,
        ready: Ready,
        tables: Tables,
        router: Router,
        limits: Limits,
        batch_rates: BatchRates,
        clock: Clock,
        full: Callable[[], bool],
    ) -> None:
        self._ready = ready
        self._tables = tables
        self._router = router
        self._limits = limits
        self._batch_rates = batch_rates
        self._clock = clock
        self._full = full
        self._controls_seen = -1

    def look_again(self) -> None:
        """Controls that have changed may let go what is paused."""
        if self._tables.controls_version != self._controls_seen:
            self._controls_seen = self._tables.controls_version
            self._ready.reopen(PAUSED.behind, all_of_them=True)

    def __call__(self, key: QueueKey) -> Opening:
        """When the queue may go, and the name of what holds it up."""
        if self._tables.cancelled(tenant=key.tenant, batch=key.batch) is not None:
            return OPEN  # nothing of it is sent
        if self._tables.paused(tenant=key.tenant, stream=key.stream, batch=key.batch, destination=key.destination):
            return PAUSED
        if key.stream == "broadcast" and self._full():
            return FULL
        now = self._clock.now().timestamp()
        if key.batch and (opens := self._batch_rates.opens_at(key.tenant, key.batch, now=now)) > now:
            return Opening(opens, f"\x00batch\x1f{key.tenant}\x1f{key.batch}")
        source = Opening(self._limits.source_opens_at(key.stream, now=now), f"\x00{key.stream}")
        if source.at > now:
            return source
        self._ready.reopen(source.behind, all_of_them=True)
        site = self._router.known_site(key.destination, stream=key.stream)
        return Opening(self._limits.opens_at(site, stream=key.stream, now=now), site)
