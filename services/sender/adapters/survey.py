"""Counts what waits in the tables, for the metrics: reads the files beside their owner, and not too often."""

import sqlite3
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from services.sender.domain.queues import COMMANDS, DOUBTS
from services.sender.ready import QueueKey, queue_key
from shared.clock import Clock

FRESH_SECONDS: Final = 10.0
REST: Final = 50  # times as long as it took to look: a million open emails cost a few hundred milliseconds
ASKED: Final = "select queue, count(*), min(due) from email where queue is not null group by queue"


@dataclass
class Found:
    """Emails that wait, by stream; those in doubt; since when (seconds of the epoch) the oldest is due, by stream."""

    waiting: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    in_doubt: int = 0
    oldest: dict[str, float] = field(default_factory=dict)


class Survey:
    """`tables` tells the partitions owned and their files, `paused` which queues are on hold. For any thread."""

    def __init__(
        self,
        tables: Callable[[], Iterable[tuple[int, Path]]],
        *,
        paused: Callable[[QueueKey], bool],
        clock: Clock,
    ) -> None:
        self._tables = tables
        self._paused = paused
        self._clock = clock
        self._mutex = threading.Lock()
        self._found = Found()
        self._until = float("-inf")

    def waiting(self, stream: str) -> float:
        """How many emails of a stream wait for an attempt."""
        return self._look().waiting.get(stream, 0)

    def in_doubt(self) -> float:
        """How many emails are in doubt."""
        return self._look().in_doubt

    def overdue(self, stream: str) -> float:
        """How many seconds the oldest due email of a stream has been due."""
        now = self._clock.now().timestamp()
        return max(0.0, now - self._look().oldest.get(stream, now))

    def _look(self) -> Found:
        with self._mutex:
            began = self._clock.boottime()
            if began >= self._until:
                self._found = self._count()
                ended = self._clock.boottime()
                self._until = ended + max(FRESH_SECONDS, REST * (ended - began))
            return self._found

    def _count(self) -> Found:
        found = Found()
        for partition, path in self._tables():
            for name, emails, due in _rows(path):
                if name == DOUBTS:
                    found.in_doubt += emails
                elif name != COMMANDS:
                    self._add(found, queue_key(partition, name), emails=emails, due=due)
        return found

    def _add(self, found: Found, key: QueueKey, *, emails: int, due: float) -> None:
        found.waiting[key.stream] += emails
        if not self._paused(key):
            found.oldest[key.stream] = min(due, found.oldest.get(key.stream, due))


def _rows(path: Path) -> Iterator[tuple[str, int, float]]:
    """What a table's file holds; nothing while there is none, or while it is being made."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            yield from db.execute(ASKED).fetchall()
    except sqlite3.Error:
        return
