"""A token hit more than 1,000 times an hour: what is beyond becomes one event with a count."""

import zlib
from array import array
from collections import Counter
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

from shared.tokens import EmailToken

HitKind = Literal["open", "click"]
SINGLE_HITS_AN_HOUR: Final = 1000
_HOUR: Final = timedelta(hours=1)
_BUCKETS: Final = 1 << 20  # 2 MB, however many tokens are hit


class Burst(NamedTuple):
    """Hits of one token that are told by their number only."""

    kind: HitKind
    method: str
    token: EmailToken


class Bursts:
    """Counts hits in a table of fixed size. Two tokens in one bucket can only lose detail early, never a count."""

    def __init__(self) -> None:
        self._hits = array("H", bytes(2 * _BUCKETS))
        self._until: datetime | None = None
        self._counts: Counter[Burst] = Counter()

    def is_single(self, burst: Burst, *, now: datetime) -> bool:
        """Whether this hit is an event of its own; if not it has been counted and comes with `take`."""
        if self._until is None or now >= self._until:
            self._hits, self._until = array("H", bytes(2 * _BUCKETS)), now + _HOUR
        bucket = _bucket(burst)
        if self._hits[bucket] < SINGLE_HITS_AN_HOUR:
            self._hits[bucket] += 1
            return True
        self._counts[burst] += 1
        return False

    def take(self) -> dict[Burst, int]:
        """The counts since the last call."""
        taken, self._counts = dict(self._counts), Counter()
        return taken


def _bucket(burst: Burst) -> int:
    """By what the token says, not by its text: one token can be written in several ways."""
    name = burst.token.email_id + f"{burst.kind}{burst.token.position}{burst.token.tenant}".encode()
    return zlib.crc32(name) % _BUCKETS
