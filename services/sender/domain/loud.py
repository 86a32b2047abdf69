"""Which destinations have a label of their own in the metrics: those that are heard of often, and not too many."""

from collections import Counter
from typing import Final

OTHERS: Final = "other"
OFTEN: Final = 10  # a misspelt domain that is tried once or twice gets no label
MOST_LABELS: Final = 100
MOST_COUNTED: Final = 10_000


class Loud:
    """Bounds the labels, and what is remembered about names that have none."""

    def __init__(self) -> None:
        self._named: set[str] = set()
        self._heard: Counter[str] = Counter()

    def label(self, name: str) -> str:
        """Count the name once more; the label to count it by."""
        if name in self._named:
            return name
        if len(self._named) >= MOST_LABELS:
            return OTHERS
        if len(self._heard) >= MOST_COUNTED:
            self._heard.clear()
        self._heard[name] += 1
        if self._heard[name] < OFTEN:
            return OTHERS
        self._named.add(name)
        del self._heard[name]
        return name
