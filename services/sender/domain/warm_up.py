"""Warm-up of a source address: how many emails it may send on each day of its schedule. Pure."""

from datetime import UTC, date, datetime, timedelta
from ipaddress import ip_address
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

Count = Annotated[int, Field(ge=0)]


class WarmUp(BaseModel):
    """The schedule of one source address. Days are UTC days; after the last day there is no limit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str = Field(description="the local address")
    start: date = Field(description="the first day; before it nothing is sent")
    daily: list[Count] | dict[int, Count] = Field(
        min_length=1, description="emails a day: a list, or {day from 1: emails from that day on}"
    )

    @field_validator("source")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        return str(ip_address(value))

    def limit(self, day: date) -> int | None:
        """The most emails of a day; None when the address is warm."""
        number = (day - self.start).days + 1
        if number < 1:
            return 0
        if isinstance(self.daily, list):
            return self.daily[number - 1] if number <= len(self.daily) else None
        if number > max(self.daily):
            return None
        return self.daily[max((first for first in self.daily if first <= number), default=min(self.daily))]


def day_of(now: float) -> date:
    """The UTC day of a time in seconds of the epoch."""
    return datetime.fromtimestamp(now, UTC).date()


def next_day(now: float) -> float:
    """When the UTC day is over, in seconds of the epoch."""
    midnight = datetime.combine(day_of(now) + timedelta(days=1), datetime.min.time(), UTC)
    return midnight.timestamp()
