"""Destinations as operators see them: what waits, what is held and limited, and what may be asked."""

import re
from datetime import datetime
from typing import Annotated, Final

from msgspec import Meta, Struct

from services.api.domain.answers import Position
from services.api.domain.errors import ApiError
from services.api.domain.suppressions import check_reason

_NAME: Final = re.compile(r"[a-z0-9_](?:[a-z0-9._:-]{0,253}[a-z0-9])?")
STREAMS: Final = frozenset({"transactional", "broadcast"})


class OperatorRequest(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Why: for operators, it stands in an event. Write nothing personal there."""

    reason: str | None = None


class LimitsRequest(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Limits of a destination, over all senders, in place of those before. Without any, the settings' hold again.

    `rate` is emails a second, `connections` and `in_flight` (emails in hand) are numbers at once.
    """

    rate: Annotated[float, Meta(gt=0)] | None = None
    connections: Annotated[int, Meta(ge=1)] | None = None
    in_flight: Annotated[int, Meta(ge=1)] | None = None
    reason: str | None = None


class WeightRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Turns in a row where others have one; 1 is as the others."""

    weight: Annotated[int, Meta(ge=1, le=1000)]


class HoldAnswer(Struct, frozen=True, kw_only=True):
    """What was asked, durably; in effect at every sender within seconds. `for_all`: for the emails of all tenants."""

    kind: str
    name: str
    asked: str
    for_all: bool


class LimitsView(Struct, frozen=True, kw_only=True):
    """Limits that an operator has set; null is as in the settings."""

    rate: float | None
    connections: int | None
    in_flight: int | None
    by: str
    reason: str | None


class ImposedView(Struct, frozen=True, kw_only=True):
    """What a rule on replies has imposed: no email until `paused_until`; the rest eases off until `until`."""

    rule: str | None
    since: datetime | None
    paused_until: datetime | None
    until: datetime | None
    rate: float | None
    connections: int | None


class DestinationView(Struct, frozen=True, kw_only=True):
    """A destination. `waiting` are its open emails but for those scheduled; `oldest_at` is when the oldest was queued.

    A destination is a recipient domain; limits and what replies impose may also stand under the name of its MX hosts.
    """

    destination: str
    waiting: int
    oldest_at: datetime | None
    counts: dict[str, int]
    held: bool
    limits: LimitsView | None
    imposed: ImposedView | None


class DestinationPage(Struct, frozen=True, kw_only=True):
    """Destinations with open emails, holds or limits; those with the oldest email first."""

    destinations: tuple[DestinationView, ...]
    position: Position


class Waiting(Struct, frozen=True, kw_only=True):
    """What the read models know of a destination."""

    destination: str
    counts: dict[str, int]
    oldest_at: datetime | None


def check_destination(name: str) -> str:
    """A domain, or the name of a group of MX hosts, in lower case; or ApiError."""
    lower = name.lower().rstrip(".")
    if _NAME.fullmatch(lower) is None:
        raise ApiError("invalid_parameter", "is a domain, or a destination of the list", field="destination")
    return lower


def check_stream(name: str) -> str:
    """A stream's name, or ApiError."""
    if name not in STREAMS:
        raise ApiError("not_found", "there is no such stream: transactional, broadcast")
    return name


def reason_of(request: OperatorRequest | None) -> str | None:
    """The reason, checked."""
    return check_reason(request.reason) if request is not None else None
