"""Limits on a destination: what they are, how several add up, and what keeps a rate. Pure."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Final, TypeVar

from pydantic import ConfigDict, Field

FAIR: Final = 2.0  # a destination may hold this many times the capacity that is still free
Number = TypeVar("Number", int, float)
BURST_SECONDS: Final = 1.0  # what was not sent for so long may be made up at once


@dataclass(frozen=True, kw_only=True, slots=True)
class Limit:
    """The limits of one destination, over all senders. None: this one sets no limit of the kind."""

    __pydantic_config__: ClassVar = ConfigDict(extra="forbid")  # it is part of the settings

    rate: Annotated[float | None, Field(gt=0, description="emails a second")] = None
    connections: Annotated[int | None, Field(ge=1, description="connections at once")] = None
    in_flight: Annotated[int | None, Field(ge=1, description="emails in hand at once")] = None

    def over(self, other: "Limit") -> "Limit":
        """This one where it says something, else the other."""
        return Limit(
            rate=other.rate if self.rate is None else self.rate,
            connections=other.connections if self.connections is None else self.connections,
            in_flight=other.in_flight if self.in_flight is None else self.in_flight,
        )

    def within(self, other: "Limit") -> "Limit":
        """The tighter of both, kind by kind."""
        return Limit(
            rate=_least(self.rate, other.rate),
            connections=_least(self.connections, other.connections),
            in_flight=_least(self.in_flight, other.in_flight),
        )

    def figures(self) -> dict[str, float]:
        """As it stands in a fact."""
        named = (("rate", self.rate), ("connections", self.connections), ("in_flight", self.in_flight))
        return {name: float(value) for name, value in named if value is not None}


UNLIMITED: Final = Limit()


def _least(one: Number | None, other: Number | None) -> Number | None:
    found = [value for value in (one, other) if value is not None]
    return min(found) if found else None


def fair_share(free: int) -> int:
    """The most that one destination may hold while so much capacity is free: so none can fill the delivery."""
    return max(1, int(FAIR * free))


class Pace:
    """Keeps a rate: in any span of W seconds at most rate x W + burst go (the generic cell rate algorithm).

    It begins with one and without a burst, so that a new owner adds no more than one to what the last one sent.
    """

    def __init__(self, rate: float, *, burst: float, now: float) -> None:
        self._between = 1 / rate
        self._slack = (max(burst, 1.0) - 1) / rate
        self._next = now + self._slack

    def opens_at(self) -> float:
        """When the next may go, in seconds of the epoch."""
        return self._next - self._slack

    def taken(self, now: float) -> None:
        """One goes now."""
        self._next = max(now, self._next) + self._between

    def change(self, rate: float, *, burst: float, now: float) -> None:
        """Another rate from now on."""
        waiting = min(max(0.0, self.opens_at() - now), 1 / rate)
        self._between = 1 / rate
        self._slack = (max(burst, 1.0) - 1) / rate
        self._next = now + waiting + self._slack
