"""The lease on a partition: until when its owner may put a final dot on the wire (rule 4)."""

from shared.clock import Clock


class Lease:
    """Read by the delivery's thread, written by the owner's. Times are CLOCK_BOOTTIME seconds."""

    def __init__(self, clock: Clock, *, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._until: dict[int, float] = {}
        self._ended: frozenset[int] = frozenset()

    def begin(self, partitions: list[int]) -> None:
        """The partitions are owned: their next commit gives the lease."""
        self._ended -= frozenset(partitions)

    def renew(self, partitions: list[int], *, since: float) -> None:
        """A commit succeeded that was begun at `since`; a lease that has been ended stays so."""
        self._until = dict.fromkeys(
            (number for number in partitions if number not in self._ended), since + self._seconds
        )

    def end(self, partitions: list[int]) -> None:
        """No final dot any more, whatever is committed yet."""
        self._ended |= frozenset(partitions)
        self._until = {number: until for number, until in self._until.items() if number not in self._ended}

    def holds(self, partition: int) -> bool:
        """Whether a final dot may go out now."""
        return self._clock.boottime() < self._until.get(partition, 0)

    def wants_renewal(self, *, since: float) -> bool:
        """Whether a third of the lease has passed since the last renewal began."""
        return self._clock.boottime() - since > self._seconds / 3
