"""Rules on replies: which reply asks us to slow down, and what is then imposed on the destination. Pure."""

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Annotated, Final

from msgspec import Meta, Struct

from services.sender.domain.limits import UNLIMITED, Limit
from shared.commands import SmtpResult
from shared.records import Control

SETTLE_SECONDS: Final = 10.0  # replies to what was under way do not count again
SLOWEST: Final = 1 / 60  # emails a second: nothing is slowed below one a minute
LONGEST_PAUSE: Final = 3600.0
_TEXT: Final = 2000  # characters of a reply that rules look at
Share = Annotated[float, Meta(gt=0, lt=1)]
Seconds = Annotated[float, Meta(gt=0, le=86_400)]


class Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """One rule. It matches when everything it names does; the first that matches acts.

    `codes` are SMTP reply codes, `enhanced` RFC 3463 codes (`?` is any digit), `text` a regular
    expression that is looked for without regard to case, `destinations` ends of the names of sites or MX hosts. `slow`
    and `connections` multiply the rate and the connections, `pause` (seconds) stops; with `back_off` each time in a
    row pauses twice as long. What was imposed doubles back every `recovery` seconds. `source`: where it is documented.
    """

    name: str
    source: str
    codes: tuple[int, ...] = ()
    enhanced: tuple[str, ...] = ()
    text: str | None = None
    destinations: tuple[str, ...] = ()
    slow: Share | None = None
    connections: Share | None = None
    pause: Seconds | None = None
    back_off: bool = False
    recovery: Seconds = 600.0

    def __post_init__(self) -> None:
        if not (self.codes or self.enhanced or self.text):
            raise ValueError(f"rule {self.name}: give codes, enhanced or text, else it would match every reply")
        if self.slow is None and self.connections is None and self.pause is None:
            raise ValueError(f"rule {self.name}: give slow, connections or pause, else it would do nothing")
        try:
            _ = self.pattern
        except re.error as error:
            raise ValueError(f"rule {self.name}: text is no regular expression: {error}") from None

    @cached_property
    def pattern(self) -> re.Pattern[str] | None:
        """`text`, compiled."""
        return re.compile(self.text, re.IGNORECASE | re.DOTALL) if self.text is not None else None

    def matches(self, site: str, result: SmtpResult) -> bool:
        """Whether a reply of this destination is meant."""
        if self.codes and result.smtp_reply_code not in self.codes:
            return False
        if self.destinations and not any(_ends(name, self.destinations) for name in (site, result.mx_host or "")):
            return False
        if self.enhanced and not any(_like(result.enhanced_status_code or "", each) for each in self.enhanced):
            return False
        return self.pattern is None or self.pattern.search((result.smtp_reply_text or "")[:_TEXT]) is not None


class RuleSet(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of rules. `version` goes into every fact that one of them causes."""

    version: str
    rules: tuple[Rule, ...]


@dataclass(frozen=True, kw_only=True)
class Effective:
    """What is in force of something imposed: limits, and until when (epoch seconds) nothing goes."""

    limit: Limit = UNLIMITED
    closed_until: float = 0.0


NOTHING: Final = Effective()


def effective(imposed: Control | None, *, now: float, lifted_at: float = 0.0) -> Effective:
    """What is left of what was imposed: it doubles every `recovery` seconds after its pause, and ends at `until`."""
    if imposed is None or imposed.at is None or imposed.until is None:
        return NOTHING
    if imposed.until.timestamp() <= now or imposed.at.timestamp() <= lifted_at:
        return NOTHING
    start = (imposed.paused_until or imposed.at).timestamp()
    steps = max(0, int((now - start) // (imposed.recovery or math.inf)))
    return Effective(
        limit=Limit(
            rate=None if imposed.rate is None else imposed.rate * 2.0**steps,
            connections=None if imposed.connections is None else imposed.connections * 2**steps,
        ),
        closed_until=0.0 if imposed.paused_until is None else imposed.paused_until.timestamp(),
    )


def settled(imposed: Control | None, *, now: float) -> bool:
    """Whether a reply says something new: not while paused, nor right after the last word."""
    if imposed is None or imposed.at is None:
        return True
    last = max(imposed.at.timestamp() + SETTLE_SECONDS, (imposed.paused_until or imposed.at).timestamp())
    return now >= last


def impose(
    rule: Rule, before: Control | None, *, tenant: str, site: str, limit: Limit, sent: float, version: str, now: float
) -> Control:
    """What a rule makes of the destination's limits. `sent` is the rate of late, where none is set."""
    still = effective(before, now=now).limit
    level = before.level + 1 if before is not None and before.until is not None and _later(before.until, now) else 1
    pause = _pause(rule, level)
    rate, rate_steps = _slower(rule, still.rate or limit.rate or sent, target=limit.rate or sent, kept=still.rate)
    connections, steps = _fewer(rule, still.connections or limit.connections or 1, limit=limit, kept=still.connections)
    end = now + pause + rule.recovery * max(1, rate_steps, steps)
    return Control(
        tenant=tenant,
        kind="imposed",
        name=site,
        by="replies",
        rule=f"{rule.name}@{version}",
        at=_time(now),
        paused_until=_time(now + pause) if pause else None,
        until=_time(end),
        rate=rate,
        connections=connections,
        recovery=rule.recovery,
        level=level,
    )


def _pause(rule: Rule, level: int) -> float:
    if rule.pause is None:
        return 0.0
    return min(max(rule.pause, LONGEST_PAUSE), rule.pause * 2.0 ** min(level - 1, 20)) if rule.back_off else rule.pause


def _slower(rule: Rule, now: float, *, target: float, kept: float | None) -> tuple[float | None, int]:
    """The new rate, and in how many doublings it is back where it was."""
    if rule.slow is None:
        return kept, _doublings(kept, target)
    rate = max(SLOWEST, now * rule.slow)
    return rate, _doublings(rate, target)


def _fewer(rule: Rule, now: int, *, limit: Limit, kept: int | None) -> tuple[int | None, int]:
    if rule.connections is None:
        return kept, _doublings(kept, limit.connections or 1)
    connections = max(1, int(now * rule.connections))
    return connections, _doublings(connections, limit.connections or 1)


def _doublings(of: float | None, target: float) -> int:
    return 0 if of is None or of >= target else math.ceil(math.log2(target / of))


def _later(moment: datetime, now: float) -> bool:
    return moment.timestamp() > now


def _time(seconds: float) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)


def _ends(name: str, ends: tuple[str, ...]) -> bool:
    """Whether a host or domain is one of `ends`, or below one of them."""
    name = name.rstrip(".").lower()
    return any(name == end or name.endswith(f".{end}") for end in ends)


def _like(code: str, pattern: str) -> bool:
    """`?` in a pattern stands for any digit."""
    return len(code) == len(pattern) and all(want in ("?", have) for want, have in zip(pattern, code, strict=True))
