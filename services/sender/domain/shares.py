"""How a limit over all senders is kept by senders that do not speak to each other (rule 11). Pure.

Permits belong to partitions: whoever owns a partition has its permits. When there are fewer permits than partitions,
they move from partition to partition by slots of broker time, and rest for a guard on each side of a move.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, NamedTuple

SLOT_SECONDS: Final = 60.0
GUARD_SECONDS: Final = 5.0  # what the senders' ideas of broker time may differ by, and most dialogues take
IN_A_TURN: Final = 4  # emails that a slow rate lets go in one slot


@dataclass(frozen=True, kw_only=True)
class Share:
    """Which of all partitions are ours."""

    owned: frozenset[int]
    partitions: int

    @property
    def whole(self) -> bool:
        """Whether there is no other owner."""
        return len(self.owned) >= self.partitions

    @property
    def part(self) -> float:
        """Our part of everything, 0 to 1."""
        return len(self.owned) / self.partitions


class Span(NamedTuple):
    """From when until when a permit is ours, in seconds of the epoch."""

    opens: float
    closes: float


def dealt(limit: int, *, owned: Collection[int], partitions: int, slot: int = 0) -> int:
    """How many of `limit` permits the owned partitions have in a slot: spread evenly, none lost, none twice."""
    places = ((number + slot) % partitions for number in owned)
    return sum((at + 1) * limit // partitions - at * limit // partitions for at in places)


def permits(limit: int, share: Share, *, now: float) -> int:
    """How many of `limit` permits are ours now: never more than `limit` over all owners, guards included."""
    if share.whole:
        return limit
    if limit >= share.partitions:
        return dealt(limit, owned=share.owned, partitions=share.partitions)
    sides = (int((now + side) // SLOT_SECONDS) for side in (-GUARD_SECONDS, GUARD_SECONDS))
    return min(dealt(limit, owned=share.owned, partitions=share.partitions, slot=slot) for slot in sides)


def moves(rate: float, share: Share) -> bool:
    """Whether a rate is too small to be divided: all of it is then in the hands of one partition at a time."""
    return not share.whole and rate < share.partitions


def turn(rate: float, share: Share, *, now: float) -> Span | None:
    """Our present or next turn with a rate that moves; None when we own nothing.

    Guards of half the time between two emails keep the rate also across a move.
    """
    guard = max(1.0, 0.5 / rate)
    slot = 2 * guard + (IN_A_TURN - 1) / rate
    first = int(now // slot)
    for number in range(first, first + share.partitions + 1):
        if number % share.partitions in share.owned:
            span = Span(_start(number, share) * slot + guard, _end(number, share) * slot - guard)
            if span.closes > now:
                return span
    return None


def _start(number: int, share: Share) -> int:
    while (number - 1) % share.partitions in share.owned:
        number -= 1
    return number


def _end(number: int, share: Share) -> int:
    while number % share.partitions in share.owned:
        number += 1
    return number
