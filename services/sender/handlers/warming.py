"""Keeps the warm-up schedules of source addresses, over restarts and over all senders.

Emails are reserved ahead in small portions, and a reservation counts once it is committed in `email.controls`. So a
day's limit is never passed; what a crash leaves unsent of a portion is lost for the day.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from services.sender.domain.shares import Share, dealt
from services.sender.domain.warm_up import WarmUp, day_of, next_day
from services.sender.group import OURS, Group, Record
from services.sender.handlers.last_words import Controls
from shared.records import Control, control_key, encode
from shared.topics import CONTROLS

PORTIONS: Final = 20  # a partition's part of a day is reserved in so many portions
PATIENCE: Final = 60.0  # seconds: partitions may come, and their part of the day with them
LOOK_AGAIN: Final = 0.02  # seconds, while a portion is being reserved


@dataclass
class _Source:
    """One address today: what is reserved by partition, and how much of our reservations is unspent."""

    schedule: WarmUp
    day: date = date.min
    limit: int | None = None
    unspent: int = 0
    reserved: dict[int, int] = field(default_factory=dict)
    wanted: bool = False
    asked: bool = False


class Warming:
    """Used by the owner's thread alone. `addresses_of` says which addresses a stream sends from: it counts for each."""

    def __init__(
        self,
        schedules: Sequence[WarmUp],
        *,
        controls: Controls,
        share: Callable[[], Share],
        addresses_of: Callable[[str], Collection[str]],
        tenant: str,
    ) -> None:
        self._sources = {schedule.source: _Source(schedule) for schedule in schedules}
        self._controls = controls
        self._share = share
        self._addresses_of = addresses_of
        self._tenant = tenant

    def opens_at(self, stream: str, *, now: float) -> float:
        """0.0 when the stream's addresses may send another email now, else when to look again (epoch seconds)."""
        return max((self._opens_at(source, now) for source in self._of(stream, now)), default=0.0)

    def taken(self, stream: str, *, now: float) -> None:
        """An email goes."""
        for source in self._of(stream, now):
            source.unspent -= 1

    def reserve(self, group: Group) -> None:
        """Reserve the next portion of each address that has run out of them."""
        for source in self._sources.values():
            if source.wanted and not source.asked and (left := self._left(source)):
                source.wanted = False
                self._reserve(group, source, max(left, key=lambda number: left[number]), left)

    def _of(self, stream: str, now: float) -> list[_Source]:
        if not self._sources:
            return []
        found = [source for each in self._addresses_of(stream) if (source := self._sources.get(each)) is not None]
        for source in found:
            if source.day != day_of(now):
                source.day, source.unspent, source.reserved = day_of(now), 0, {}
                source.limit = source.schedule.limit(source.day)
        return found

    def _opens_at(self, source: _Source, now: float) -> float:
        if source.limit is None or source.unspent > 0:
            return 0.0
        if not source.asked:
            source.wanted = bool(self._left(source))
        if source.asked or source.wanted:
            return now + LOOK_AGAIN
        return min(next_day(now), now + PATIENCE)

    def _left(self, source: _Source) -> dict[int, int]:
        """What may still be reserved today, by partition owned."""
        share = self._share()
        left = {
            number: dealt(source.limit or 0, owned=(number,), partitions=share.partitions)
            - self._reserved(source, number)
            for number in share.owned
        }
        return {number: rest for number, rest in left.items() if rest > 0}

    def _reserved(self, source: _Source, number: int) -> int:
        control = self._controls.control(self._tenant, "warmup", _name(source, number))
        known = control.count if control is not None and control.day == source.day.isoformat() else 0
        return max(known, source.reserved.get(number, 0))

    def _reserve(self, group: Group, source: _Source, number: int, left: dict[int, int]) -> None:
        before = self._reserved(source, number)
        portion = min(left[number], max(1, (before + left[number]) // PORTIONS))
        day, source.asked = source.day, True
        control = Control(
            tenant=self._tenant,
            kind="warmup",
            name=_name(source, number),
            by="sender",
            day=day.isoformat(),
            count=before + portion,
        )
        group.records.append(Record(CONTROLS.name, control_key(control).encode(), encode(control), OURS))
        group.committed.append(lambda: _granted(source, number, control.count, portion, day))
        group.given_up.append(lambda: _refused(source))


def _name(source: _Source, number: int) -> str:
    return f"{source.schedule.source}/{number}"


def _granted(source: _Source, number: int, reserved: int, portion: int, day: date) -> None:
    source.asked = False
    if source.day == day:
        source.reserved[number] = reserved
        source.unspent += portion


def _refused(source: _Source) -> None:
    source.asked = False
