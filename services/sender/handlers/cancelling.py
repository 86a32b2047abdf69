"""Carries out the cancellation of batches: what waits is cancelled a little in every step, what comes later at once.

An email that a step has decided about (read, deferred, released …) is looked at in that step. All others stand in the
tables by then, and are swept: when a cancellation is heard, and when a partition is taken over.
"""

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol
from uuid import UUID

from services.sender.domain.cancelled import cancel_with_batch
from services.sender.group import Group
from services.sender.handlers.last_words import Controls
from shared.clock import Clock
from shared.records import Control, OpenEmail, Work

AT_ONCE: Final = 200  # rows of a step: other mail goes on beside it
FIRST: Final = (0.0, UUID(int=0))  # before every row of a queue


class Waiting(Protocol):
    """What a partition's table offers."""

    def queues(self) -> Iterator[tuple[str, float]]:
        """Each queue with the time of its first row."""

    def later(self, queue: str, *, after: tuple[float, UUID], limit: int) -> list[tuple[float, UUID]]:
        """The rows of a queue that come after a place in it."""

    def held(self) -> Collection[UUID]:
        """The rows that an operator holds one by one, which wait in no queue."""

    def decided(self) -> Iterable[tuple[UUID, Work | None]]:
        """The rows that the group under way changes."""


@dataclass
class _Sweep:
    """Of one partition, for all batches cancelled by then; `queues` is None until it begins."""

    number: int
    table: Waiting
    queues: deque[str] | None = None
    after: tuple[float, UUID] = field(default=FIRST)


class Cancelling:
    """For the owner's thread."""

    def __init__(self, *, controls: Controls, tables: Mapping[int, Waiting], clock: Clock) -> None:
        self._controls = controls
        self._tables = tables
        self._clock = clock
        self._version = -1
        self._cancelled: dict[tuple[str, str], Control] = {}
        self._swept: dict[int, Waiting] = {}
        self._sweeps: deque[_Sweep] = deque()

    def handle(self, group: Group) -> None:
        """Once in every step, when all others have decided."""
        self._listen()
        if not self._cancelled:
            return
        for number, table in self._tables.items():
            for email_id, work in list(table.decided()):
                self._cancel(group, number, email_id, work)
        self._go_on(group)
        self._look_for_new()

    def _listen(self) -> None:
        if self._version == self._controls.controls_version:
            return
        self._version = self._controls.controls_version
        said = {(each.tenant, each.name): each for each in self._controls.controls_of("cancelled")}
        if said.keys() != self._cancelled.keys():
            self._swept.clear()
        self._cancelled = said

    def _look_for_new(self) -> None:
        """What this step has decided is in the tables only from the next one on: then the sweep begins."""
        for number, table in self._tables.items():
            if self._swept.get(number) is not table:
                self._sweeps.append(_Sweep(number, table))
        self._swept = dict(self._tables)

    def _go_on(self, group: Group) -> None:
        if not self._sweeps:
            return
        group.given_up.append(self._start_again)
        sweep = self._sweeps[0]
        if self._tables.get(sweep.number) is not sweep.table:
            self._sweeps.popleft()
            return
        if sweep.queues is None:
            sweep.queues = deque(name for name, _ in sweep.table.queues() if self._is_meant(name))
            self._all(group, sweep, sweep.table.held())
        self._next(group, sweep, sweep.queues)

    def _next(self, group: Group, sweep: _Sweep, queues: deque[str]) -> None:
        if not queues:
            self._sweeps.popleft()
            return
        found = sweep.table.later(queues[0], after=sweep.after, limit=AT_ONCE)
        self._all(group, sweep, [email_id for _, email_id in found])
        if len(found) == AT_ONCE:
            sweep.after = found[-1]
        else:
            queues.popleft()
            sweep.after = FIRST

    def _all(self, group: Group, sweep: _Sweep, email_ids: Iterable[UUID]) -> None:
        for email_id in email_ids:
            self._cancel(group, sweep.number, email_id, group.get(sweep.number, email_id))

    def _cancel(self, group: Group, number: int, email_id: UUID, work: Work | None) -> None:
        if not isinstance(work, OpenEmail) or work.request.batch_id is None:
            return
        cancelled = self._cancelled.get((work.request.tenant, str(work.request.batch_id)))
        if cancelled is not None:
            decision = cancel_with_batch(work, cancelled, now=self._clock.now())
            group.decide(number, email_id, decision, traceparent=work.traceparent)

    def _is_meant(self, queue: str) -> bool:
        parts = queue.split("\x1f")
        return len(parts) == 4 and (parts[1], parts[2]) in self._cancelled

    def _start_again(self) -> None:
        """The group was given up: what was cancelled in it waits again."""
        self._swept.clear()
        self._sweeps.clear()
