"""Weighted turns over a tree of names: who goes next, so that the big do not hold up the small."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

Weigh = Callable[[int, str], int]  # the level (0: stream, 1: tenant, 2: batch) and the name → turns in a row
STREAM_WEIGHTS: Final = {"transactional": 4, "broadcast": 1}


def by_stream(level: int, name: str) -> int:
    """The streams by their weights; tenants and batches are equal."""
    return STREAM_WEIGHTS.get(name, 1) if level == 0 else 1


T = TypeVar("T")


class Turns(Generic[T]):
    """Items below paths of names. At each level the names take turns, each as many in a row as it weighs."""

    def __init__(self, weigh: Weigh = by_stream, *, level: int = 0) -> None:
        self._weigh = weigh
        self._level = level
        self._items: deque[T] = deque()
        self._names: deque[str] = deque()
        self._below: dict[str, Turns[T]] = {}
        self._left = 0

    def add(self, path: Sequence[str], item: T) -> None:
        """Put an item at the end of its line."""
        if not path:
            self._items.append(item)
            return
        name = path[0]
        below = self._below.get(name)
        if below is None:
            below = self._below[name] = Turns(self._weigh, level=self._level + 1)
            self._names.append(name)
            if len(self._names) == 1:
                self._left = self._weigh(self._level, name)
        below.add(path[1:], item)

    def pop(self) -> T | None:
        """The item whose turn it is; None when there is none. A name that comes back at once keeps its place."""
        if self._items:
            return self._items.popleft()
        while self._names:
            found = self._below[self._names[0]].pop()
            if found is not None:
                self._left -= 1
                if self._left <= 0:
                    self._names.rotate(-1)
                    self._left = self._weigh(self._level, self._names[0])
                return found
            del self._below[self._names.popleft()]
            if self._names:
                self._left = self._weigh(self._level, self._names[0])
        return None
