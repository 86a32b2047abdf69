"""A clock that runs fast, and the real moments behind what it shows."""

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, kw_only=True)
class Pace:
    """Shows `factor` seconds for each real one since `since` (epoch seconds)."""

    since: float
    factor: float

    def shown(self, real: float) -> float:
        """What it shows at a real moment."""
        return self.since + (real - self.since) * self.factor

    def real(self, shown: float) -> float:
        """The real moment at which it shows this."""
        return self.since + (shown - self.since) / self.factor

    def after(self, real_seconds: float) -> datetime:
        """What it shows so many real seconds after it began."""
        return datetime.fromtimestamp(self.since + real_seconds * self.factor, UTC)
