"""Ready queues: what goes next. Memory holds the heads; the rows stay in the partitions' tables.

A queue is (stream, tenant, batch, destination) within a partition. Weighted turns go round streams, then tenants, then
queues, so a slow destination, a paused batch or a big tenant holds up only itself (P4).
"""

import heapq
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple, Protocol
from uuid import UUID

HEADS: Final = 64  # rows of a queue held in memory
WEIGHTS: Final = {"transactional": 4, "broadcast": 1}


class QueueKey(NamedTuple):
    """A ready queue's name, taken apart."""

    partition: int
    stream: str
    tenant: str
    batch: str
    destination: str
    name: str


class Rows(Protocol):
    """What a partition's table offers."""

    def due(self, queue: str, *, now: float, limit: int) -> list[tuple[UUID, float]]:
        """The first due rows."""

    def next_due(self, queue: str, *, after: float) -> float | None:
        """When the next one is due."""


def queue_key(partition: int, name: str) -> QueueKey:
    """The key of the queue that the table calls `name`."""
    parts = name.split("\x1f")
    stream, tenant, batch, destination = parts if len(parts) == 4 else (name, "", "", "")
    return QueueKey(partition, stream, tenant, batch, destination, name)


class Ready:
    """Turns over the queues of all partitions owned. Used by the owner's thread alone."""

    def __init__(self) -> None:
        self._rows: dict[int, Rows] = {}
        self._wake: list[tuple[float, QueueKey]] = []
        self._due: dict[QueueKey, float] = {}
        self._heads: dict[QueueKey, deque[UUID]] = {}
        self._turns: dict[str, dict[str, deque[QueueKey]]] = {}
        self._credit: dict[str, int] = {}
        self._taken: set[UUID] = set()

    def add_partition(self, partition: int, rows: Rows) -> None:
        """Serve a partition."""
        self._rows[partition] = rows

    def drop_partition(self, partition: int) -> None:
        """Forget a partition and its queues."""
        self._rows.pop(partition, None)
        for key in [key for key in (*self._due, *self._heads) if key.partition == partition]:
            self._due.pop(key, None)
            if self._heads.pop(key, None) is not None:
                self._turns[key.stream][key.tenant].remove(key)

    def note(self, partition: int, name: str, due: float) -> None:
        """A committed row waits in queue `name` until `due`."""
        key = queue_key(partition, name)
        if key not in self._heads and due < self._due.get(key, float("inf")):
            self._due[key] = due
            heapq.heappush(self._wake, (due, key))

    def taken(self, email_id: UUID) -> bool:
        """Whether the row is out of the queues, in somebody's hands."""
        return email_id in self._taken

    def give_back(self, email_id: UUID) -> None:
        """The row may be taken again; `note` it if it still waits."""
        self._taken.discard(email_id)

    def next_wake(self) -> float | None:
        """When the first sleeping queue wants attention."""
        return self._wake[0][0] if self._wake else None

    def take(self, *, now: float, limit: int, open_for: Callable[[QueueKey], bool]) -> Iterator[tuple[QueueKey, UUID]]:
        """Up to `limit` due rows, in turns over the queues that `open_for` admits; each is then held as taken."""
        self._wake_up(now)
        for _ in range(limit):
            found = self._next(now, open_for)
            if found is None:
                return
            self._taken.add(found[1])
            yield found

    def _wake_up(self, now: float) -> None:
        while self._wake and self._wake[0][0] <= now:
            due, key = heapq.heappop(self._wake)
            if self._due.get(key) != due or key.partition not in self._rows:
                continue
            del self._due[key]
            self._heads[key] = deque()
            self._turns.setdefault(key.stream, {}).setdefault(key.tenant, deque()).append(key)

    def _next(self, now: float, open_for: Callable[[QueueKey], bool]) -> tuple[QueueKey, UUID] | None:
        for stream in self._streams_by_turn():
            tenants = self._turns[stream]
            for tenant in list(tenants):
                queues = tenants.pop(tenant)
                found = self._from(queues, now, open_for)
                if queues:
                    tenants[tenant] = queues  # at the end: the next turn is another tenant's
                if found is not None:
                    self._credit[stream] -= 1
                    return found
        return None

    def _streams_by_turn(self) -> list[str]:
        if all(self._credit.get(stream, 0) <= 0 for stream in self._turns):
            self._credit = {stream: WEIGHTS.get(stream, 1) for stream in self._turns}
        return sorted(self._turns, key=lambda stream: -self._credit.setdefault(stream, 0))

    def _from(
        self, queues: deque[QueueKey], now: float, open_for: Callable[[QueueKey], bool]
    ) -> tuple[QueueKey, UUID] | None:
        for _ in range(len(queues)):
            key = queues.popleft()
            if not open_for(key):
                queues.append(key)
                continue
            email_id = self._head(key, now)
            if email_id is not None:
                queues.append(key)
                return key, email_id
            self._sleep(key, now)
        return None

    def _head(self, key: QueueKey, now: float) -> UUID | None:
        heads = self._heads[key]
        if not heads:
            rows = self._rows[key.partition].due(key.name, now=now, limit=HEADS + len(self._taken))
            heads.extend(email_id for email_id, _ in rows[: HEADS + len(self._taken)] if email_id not in self._taken)
        while heads:
            email_id = heads.popleft()
            if email_id not in self._taken:
                return email_id
        return None

    def _sleep(self, key: QueueKey, now: float) -> None:
        del self._heads[key]
        due = self._rows[key.partition].next_due(key.name, after=now)
        if due is not None:
            self._due[key] = due
            heapq.heappush(self._wake, (due, key))
