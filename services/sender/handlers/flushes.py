"""Carries out an operator's flush: what was deferred for a destination is due now. A little in every step."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from msgspec.structs import replace

from services.sender.group import Group
from services.sender.handlers.last_words import Controls
from shared.clock import Clock
from shared.records import Control, OpenEmail

AT_ONCE: Final = 500  # rows
STILL_NEW: Final = timedelta(minutes=10)  # an older flush has been carried out, or what it meant was tried since

FIRST: Final = UUID(int=0)
Place = tuple[float, UUID]  # where in a queue: due time and id


class Waiting(Protocol):
    """What a partition's table offers."""

    def queues(self) -> Iterator[tuple[str, float]]:
        """Each queue with the time of its first row."""

    def later(self, queue: str, *, after: Place, limit: int) -> list[Place]:
        """The rows of a queue that come after a place in it."""


@dataclass
class _Sweep:
    """A flush of one partition under way: the queues still to go through, and how far the first has been."""

    number: int
    flush: Control
    start: Place
    queues: deque[str]
    after: Place


class Flushes:
    """For the owner's thread. `operators` is the tenant that flushes for all, `site_of` tells a domain's site."""

    def __init__(
        self,
        *,
        controls: Controls,
        tables: Mapping[int, Waiting],
        operators: str,
        site_of: Callable[[str], str],
        clock: Clock,
    ) -> None:
        self._controls = controls
        self._tables = tables
        self._operators = operators
        self._site_of = site_of
        self._clock = clock
        self._version = -1
        self._begun: dict[int, tuple[Waiting, list[Control]]] = {}
        self._sweeps: deque[_Sweep] = deque()

    def handle(self, group: Group) -> None:
        """Begin what an operator has asked for since, and go on with what was begun."""
        now = self._clock.now()
        if self._version != self._controls.controls_version or self._begun.keys() != self._tables.keys():
            self._version = self._controls.controls_version
            self._begin(now)
        if self._sweeps:
            group.given_up.append(self._start_again)
            self._go_on(group, now)

    def _begin(self, now: datetime) -> None:
        new = [each for each in self._controls.controls_of("flush") if _is_to_do(each, now)]
        known, self._begun = self._begun, {}
        for number, table in self._tables.items():
            before = known.get(number)
            begun = before[1] if before is not None and before[0] is table else []
            for flush in new:
                if flush not in begun:
                    self._sweeps.append(self._sweep(number, table, flush, now))
            self._begun[number] = (table, new)

    def _sweep(self, number: int, table: Waiting, flush: Control, now: datetime) -> _Sweep:
        queues = deque(name for name, _ in table.queues() if self._is_meant(name, flush))
        start = (now.timestamp(), FIRST)
        return _Sweep(number, flush, start, queues, start)

    def _is_meant(self, queue: str, flush: Control) -> bool:
        parts = queue.split("\x1f")
        if len(parts) != 4 or flush.tenant not in (parts[1], self._operators):
            return False
        return flush.name in (parts[3], self._site_of(parts[3]))

    def _go_on(self, group: Group, now: datetime) -> None:
        sweep = self._sweeps[0]
        table = self._tables.get(sweep.number)
        if table is None or not sweep.queues:
            self._sweeps.popleft()
            return
        found = table.later(sweep.queues[0], after=sweep.after, limit=AT_ONCE)
        for _, email_id in found:
            work = group.get(sweep.number, email_id)
            if isinstance(work, OpenEmail) and work.status == "deferred" and work.due_at > now:
                group.put(sweep.number, email_id, replace(work, due_at=now))
        if len(found) == AT_ONCE:
            sweep.after = found[-1]
        else:
            sweep.queues.popleft()
            sweep.after = sweep.start

    def _start_again(self) -> None:
        """The group was given up. Rows that were made due before are not found again."""
        self._begun.clear()
        self._sweeps.clear()


def _is_to_do(flush: Control, now: datetime) -> bool:
    return flush.deferred and flush.at is not None and flush.at > now - STILL_NEW
