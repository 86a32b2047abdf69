"""Time as a port: services take a clock, tests hand in their own."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the services ask of time."""

    def now(self) -> datetime:
        """The time of day, UTC with microseconds."""

    def boottime(self) -> float:
        """Seconds that go on during suspend and never jump (CLOCK_BOOTTIME): for leases."""

    def sleep(self, seconds: float) -> None:
        """Let time pass."""


class SystemClock:
    """The machine's clocks."""

    def now(self) -> datetime:
        """The time of day, UTC."""
        return datetime.now(UTC)

    def boottime(self) -> float:
        """CLOCK_BOOTTIME where there is one, else the monotonic clock."""
        return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))

    def sleep(self, seconds: float) -> None:
        """Block the calling thread."""
        time.sleep(seconds)
