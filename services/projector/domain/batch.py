"""What a batch's facts add up to: any order, any repetition, the same row."""

from datetime import datetime
from typing import Final, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from shared.events import BatchCancelled, BatchClosed, BatchEvent, BatchOpened, BatchPaused, BatchResumed


class Said(Struct, frozen=True, array_like=True):
    """When a fact says it was, and which fact: what orders facts."""

    at: datetime
    event_id: str

    @property
    def order(self) -> tuple[datetime, str]:
        """Earlier facts first; of two at the same time always the same one."""
        return self.at, self.event_id


class Named(Said, frozen=True, array_like=True):
    """Any fact about the batch names its stream; the one that opened it (rank 0) says the rest."""

    rank: int
    stream: str
    template: str | None
    tags: tuple[str, ...]
    reference: str | None


class Closed(Said, frozen=True, array_like=True):
    """How many emails were durably accepted, and how many items were not."""

    acknowledged: int
    refused: int


class Paused(Said, frozen=True, array_like=True):
    """The last word on whether it is paused."""

    paused: bool


class BatchFold(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The facts about one batch so far."""

    named: Named
    closed: Closed | None = None
    paused: Paused | None = None
    cancelled: bool = False


encode: Final = msgspec.json.Encoder().encode
decode: Final = msgspec.json.Decoder(BatchFold).decode
S = TypeVar("S", bound=Said)


def add(fold: BatchFold | None, event: BatchEvent) -> BatchFold:
    """The fold with one more fact: commutative, associative, idempotent."""
    named = _named(event)
    if fold is None:
        fold = BatchFold(named=named)
    fold = replace(fold, named=min(fold.named, named, key=lambda one: (one.rank, one.order)))
    at, tie = event.occurred_at, str(event.event_id)
    match event:
        case BatchClosed():
            closed = Closed(at, tie, event.acknowledged, event.refused)
            return replace(fold, closed=_latest(fold.closed, closed))
        case BatchPaused() | BatchResumed():
            paused = Paused(at, tie, isinstance(event, BatchPaused))
            return replace(fold, paused=_latest(fold.paused, paused))
        case BatchCancelled():
            return replace(fold, cancelled=True)
    return fold


def _named(event: BatchEvent) -> Named:
    at, tie = event.occurred_at, str(event.event_id)
    if isinstance(event, BatchOpened):
        return Named(at, tie, 0, event.stream, event.template, event.tags, event.reference)
    return Named(at, tie, 1, event.stream, None, (), None)


def _latest(known: S | None, candidate: S) -> S:
    return candidate if known is None or candidate.order > known.order else known
