"""Ready queues: what goes next. Memory holds the heads; the rows stay in the partitions' tables.

A queue is (stream, tenant, batch, destination) within a partition. Weighted turns go round streams, then tenants, then
batches, then queues. A queue that may not go now is set aside by the name of what holds it up, so a slow destination, a
paused batch or a big tenant holds up only itself (P4) and costs nothing while it waits.
"""

import heapq
from collections import Counter, deque
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final, NamedTuple, Protocol
from uuid import UUID

from services.sender.turns import Turns, Weigh, by_stream

HEADS: Final = 128  # rows of a queue held in memory
MOST_HEADS: Final = 20_000  # rows of all queues held in memory


class QueueKey(NamedTuple):
    """A ready queue's name, taken apart."""

    partition: int
    stream: str
    tenant: str
    batch: str
    destination: str
    name: str


class Opening(NamedTuple):
    """When a queue may go (seconds of the epoch; inf: when `reopen` is called), and the name of what holds it up."""

    at: float
    behind: str


Gate = Callable[[QueueKey], Opening]
OPEN: Final = Opening(0.0, "")


class Rows(Protocol):
    """What a partition's table offers."""

    def due(self, queue: str, *, now: float, limit: int) -> list[UUID]:
        """The first due rows."""

    def next_due(self, queue: str, *, after: float) -> float | None:
        """When the next one is due."""


class _Queue:
    """`more`: the table may have due rows beyond the heads. `sleeps`: it may have rows that are due later.

    `looked_at`: up to when the table was asked for due rows. `behind`: what it was last set aside for.
    """

    __slots__ = ("behind", "heads", "looked_at", "more", "sleeps")

    def __init__(self) -> None:
        self.heads: deque[UUID] = deque()
        self.more = False
        self.sleeps = False
        self.looked_at = 0.0
        self.behind: str | None = None


@lru_cache(maxsize=50_000)
def queue_key(partition: int, name: str) -> QueueKey:
    """The key of the queue that the table calls `name`."""
    parts = name.split("\x1f")
    stream, tenant, batch, destination = parts if len(parts) == 4 else (name, "", "", "")
    return QueueKey(partition, stream, tenant, batch, destination, name)


class Ready:
    """Turns over the queues of all partitions owned. Used by the owner's thread alone."""

    def __init__(self, weigh: Weigh = by_stream, *, heads: int = HEADS) -> None:
        self._heads = heads
        self._rows: dict[int, Rows] = {}
        self._queues: dict[QueueKey, _Queue] = {}
        self._turns: Turns[QueueKey] = Turns(weigh)
        self._aside: dict[str, deque[QueueKey]] = {}
        self._held = 0
        self._taken: dict[UUID, QueueKey] = {}
        self._taken_of: Counter[QueueKey] = Counter()
        self._wake: list[tuple[float, QueueKey]] = []
        self._wakes_at: dict[QueueKey, float] = {}
        self._openings: list[tuple[float, str]] = []
        self._opens_at: dict[str, float] = {}
        self._unsettled: set[QueueKey] = set()  # with rows whose group may not be committed: the table hides them yet

    def add_partition(self, partition: int, rows: Rows) -> None:
        """Serve a partition."""
        self._rows[partition] = rows

    def drop_partition(self, partition: int) -> None:
        """Forget a partition, its queues and what was taken from them: should it come back, all its rows wait again."""
        self._rows.pop(partition, None)
        for email_id in [email_id for email_id, key in self._taken.items() if key.partition == partition]:
            self.give_back(email_id)
        for key in [key for key in self._queues if key.partition == partition]:
            self._held -= len(self._queues.pop(key).heads)
        for key in [key for key in self._wakes_at if key.partition == partition]:
            del self._wakes_at[key]
        for behind in list(self._aside):  # the one that was to go next may be among those forgotten
            self.reopen(behind, all_of_them=True)

    def note(self, partition: int, name: str, due: float, *, email_id: UUID | None = None, now: float = 0.0) -> None:
        """A row (or, without an id, an unknown number of rows) waits in queue `name` until `due`.

        One that is in somebody's hands is noted when it is given back.
        """
        if email_id in self._taken:
            return
        key = queue_key(partition, name)
        if email_id is not None:
            self._unsettled.add(key)
        if due > now:
            self._sleep(key, due)
            return
        queue = self._awake(key)
        if email_id is None:
            queue.sleeps = True  # some of the rows may be due later
        if email_id is None or queue.more or len(queue.heads) >= self._heads or self._held >= MOST_HEADS:
            queue.more = True
        else:
            queue.heads.append(email_id)
            self._held += 1

    def give_back(self, email_id: UUID) -> None:
        """The row may be taken again; `note` it if it still waits."""
        key = self._taken.pop(email_id, None)
        if key is not None:
            self._taken_of[key] -= 1
            if not self._taken_of[key]:
                del self._taken_of[key]

    def reopen(self, behind: str, *, all_of_them: bool = False) -> None:
        """What held queues up lets one more email through; or, all of them, is gone."""
        aside = self._aside.get(behind)
        while aside:
            key = aside.popleft()
            if key in self._queues:
                self._turns.add(key[1:4], key)
                if not all_of_them:
                    break
        if not aside:
            self._aside.pop(behind, None)

    def take(self, *, now: float, limit: int, gate: Gate = lambda _: OPEN) -> Iterator[tuple[QueueKey, UUID]]:
        """Up to `limit` due rows, in turns over the queues that `gate` lets through; each is then held as taken."""
        self._wake_up(now)
        left = limit
        while left and (key := self._turns.pop()) is not None:
            if key not in self._queues:
                continue
            opening = gate(key)
            self._leave(key, opening.behind)
            if opening.at > now:
                self._set_aside(key, opening)
                continue
            email_id = self._head(key, now)
            if email_id is None:
                self._end(key, now)
                self.reopen(opening.behind)
                continue
            self._turns.add(key[1:4], key)
            self._taken[email_id] = key
            self._taken_of[key] += 1
            left -= 1
            yield key, email_id
        self._unsettled.clear()  # the group is committed, or given up and all is noted again, before the next look

    def _wake_up(self, now: float) -> None:
        while self._wake and self._wake[0][0] <= now:
            due, key = heapq.heappop(self._wake)
            if self._wakes_at.get(key) == due:
                del self._wakes_at[key]
                queue = self._awake(key)
                queue.more = queue.sleeps = True
        while self._openings and self._openings[0][0] <= now:
            at, behind = heapq.heappop(self._openings)
            if self._opens_at.get(behind) == at:
                del self._opens_at[behind]
                self.reopen(behind)

    def _awake(self, key: QueueKey) -> _Queue:
        queue = self._queues.get(key)
        if queue is None:
            queue = self._queues[key] = _Queue()
            self._turns.add(key[1:4], key)
        return queue

    def _sleep(self, key: QueueKey, due: float) -> None:
        if due < self._wakes_at.get(key, float("inf")):
            self._wakes_at[key] = due
            heapq.heappush(self._wake, (due, key))

    def _leave(self, key: QueueKey, behind: str) -> None:
        """What held the queue up goes by another name now: whoever else waits behind the old one is looked at again."""
        before, self._queues[key].behind = self._queues[key].behind, None
        if before is not None and before != behind:
            self.reopen(before, all_of_them=True)

    def _set_aside(self, key: QueueKey, opening: Opening) -> None:
        self._queues[key].behind = opening.behind
        self._aside.setdefault(opening.behind, deque()).append(key)
        if opening.at < self._opens_at.get(opening.behind, float("inf")):
            self._opens_at[opening.behind] = opening.at
            heapq.heappush(self._openings, (opening.at, opening.behind))

    def _head(self, key: QueueKey, now: float) -> UUID | None:
        queue = self._queues[key]
        found = self._pop(queue)
        if found is None and queue.more:
            queue.looked_at = now
            limit = self._heads + self._taken_of[key]
            rows = self._rows[key.partition].due(key.name, now=now, limit=limit)
            queue.more = len(rows) == limit or key in self._unsettled
            queue.heads.extend(rows)
            self._held += len(rows)
            found = self._pop(queue)
        return found

    def _pop(self, queue: _Queue) -> UUID | None:
        while queue.heads:
            email_id = queue.heads.popleft()
            self._held -= 1
            if email_id not in self._taken:
                return email_id
        return None

    def _end(self, key: QueueKey, now: float) -> None:
        """No due row is left; one that has become due since the table was asked, or will be, wakes it."""
        queue = self._queues.pop(key)
        if key in self._unsettled:
            self._sleep(key, now)
        elif queue.sleeps and (due := self._rows[key.partition].next_due(key.name, after=queue.looked_at)):
            self._sleep(key, due)
