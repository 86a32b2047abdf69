"""Where in the log an answer stands, as a token that can be given back (P9), and how fresh that is. Pure."""

import base64
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final, NamedTuple

import msgspec
from msgspec import Struct

RULES: Final = 1  # version of the rules that judge facts (human or machine, class of a bounce)


class Checkpoint(NamedTuple):
    """How far the read models know a partition: the next offset, and the log time of the last record."""

    topic: str
    partition: int
    next_offset: int
    logged_at: datetime | None


class Position(Struct, frozen=True, kw_only=True):
    """Next offsets by topic (its name without prefix) and partition, and the version of the rules that judged."""

    offsets: dict[str, dict[str, int]]
    rules: int = RULES

    def token(self) -> str:
        """The position in base64url, the same for equal positions."""
        text = msgspec.json.encode(self, order="sorted")
        return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def position_of(checkpoints: Iterable[Checkpoint]) -> Position:
    """The position that these checkpoints are."""
    offsets: dict[str, dict[str, int]] = {}
    for one in checkpoints:
        offsets.setdefault(one.topic, {})[str(one.partition)] = one.next_offset
    return Position(offsets=offsets)


def parse(token: str) -> Position:
    """The position in a token; raises ValueError when it is none."""
    try:
        text = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        return msgspec.json.decode(text, type=Position)
    except ValueError as error:  # of base64, msgspec and UTF-8 alike
        raise ValueError(f"not a position: {error}") from None


def freshness(checkpoints: Iterable[Checkpoint], *, ends: Mapping[tuple[str, int], int], now: datetime) -> float | None:
    """Seconds by which the read models are behind the log at most: 0 when they have all that is before `ends`.

    Of a partition that is behind, what is missing was logged after its last record known. None: nothing of it is known.
    """
    behind = [one for one in checkpoints if one.next_offset < ends.get((one.topic, one.partition), 0)]
    ages = [(now - one.logged_at).total_seconds() if one.logged_at is not None else None for one in behind]
    if None in ages:
        return None
    return max((0.0, *(age for age in ages if age is not None)))
