"""Limits of destinations: rate, connections, emails in hand, holds, and what replies and trouble impose.

A destination is a site: the domains that share their MX hosts. Used by the owner's thread alone, but for `connections`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from typing import Final
from uuid import UUID

from services.sender.domain.attempt import Ended
from services.sender.domain.broker_time import BrokerTime
from services.sender.domain.limits import UNLIMITED, Limit, fair_share
from services.sender.domain.reply_rules import effective
from services.sender.domain.shared_pace import SharedPace
from services.sender.domain.shares import Share, permits
from services.sender.domain.trouble import Trouble, is_answer, is_trouble
from services.sender.group import Group
from services.sender.handlers.imposing import Imposing
from services.sender.handlers.last_words import Controls
from services.sender.handlers.said import Said, Settings
from services.sender.handlers.warming import Warming
from shared.commands import SmtpResult

FRESH_SECONDS: Final = 1.0  # how long a limit that was looked up is kept
LOOK_AGAIN: Final = 2.0  # seconds: an operator may lift in the meantime what keeps a destination closed
TIDY_SECONDS: Final = 5.0
MOST_SITES: Final = 20_000  # idle ones beyond it are forgotten


@dataclass
class _Site:
    """One destination as it stands with us. `most` is how many emails it may have in hand, `connections` how many."""

    trouble: Trouble = field(default_factory=Trouble)
    limit: Limit = UNLIMITED
    in_flight: int = 0
    most: int = 1
    connections: int = 1
    closed_until: float = 0.0
    lifted_at: float = 0.0
    pace: SharedPace = field(default_factory=SharedPace)
    fresh_until: float = 0.0

    def idle(self, now: float) -> bool:
        """Whether nothing is lost when it is forgotten."""
        return self.in_flight == 0 and not self.pace.busy(now) and self.trouble.failures == 0


class Limits:
    """Says when another email may go to a destination.

    `free` is the delivery's free capacity, `share` the partitions owned, `site_of` the site that a name (a domain, or a
    site itself) belongs to. `share` returns the same object until partitions move.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        controls: Controls,
        free: Callable[[], int],
        share: Callable[[], Share],
        broker_time: BrokerTime,
        site_of: Callable[[str], str],
        imposing: Imposing,
        warming: Warming,
    ) -> None:
        self._usual = settings.destination_connections
        self._said = Said(settings, controls=controls, site_of=site_of)
        self._controls = controls
        self._free = free
        self._share = share
        self._broker_time = broker_time
        self._imposing = imposing
        self._warming = warming
        self._sites: dict[str, _Site] = {}
        self._version = -1
        self._seen: Share | None = None
        self._tidy_at = 0.0

    def opens_at(self, site: str, *, stream: str, now: float) -> float:
        """0.0: another email may go now; a time (epoch seconds): look again then; inf: when one is released."""
        state = self._at(site, now)
        if state.most == 0:
            return now + FRESH_SECONDS  # the permit is with another sender
        if state.in_flight >= min(state.most, fair_share(self._free())):
            return inf
        opens = max(state.closed_until, state.pace.opens_at())
        return 0.0 if opens <= now else min(opens, now + LOOK_AGAIN)

    def source_opens_at(self, stream: str, *, now: float) -> float:
        """The same for the address that a stream sends from: 0.0, or when its warm-up lets another email go."""
        return self._warming.opens_at(stream, now=now)

    def taken(self, site: str, *, stream: str, now: float) -> None:
        """An email goes there now."""
        state = self._at(site, now)
        state.in_flight += 1
        state.pace.taken(now)
        self._imposing.taken(site, now=now)
        self._warming.taken(stream, now=now)

    def released(self, site: str) -> None:
        """An email that was taken is in hand no more."""
        self._sites[site].in_flight -= 1

    def connections(self, site: str) -> int:
        """Most connections at once; may be asked from another thread."""
        state = self._sites.get(site)
        return self._usual if state is None else state.connections

    def learn(self, group: Group, site: str, ended: Ended, *, now: float, cause: UUID | None = None) -> None:
        """What an attempt says of the destination: trouble backs it off, rules on replies limit it (facts, controls).

        `cause` is the fact that says how the attempt ended.
        """
        state = self._at(site, now)
        if is_trouble(ended):
            state.trouble.failed(now)
            state.fresh_until = 0.0
        elif state.trouble.failures and is_answer(ended):
            state.trouble.over()
            state.fresh_until = 0.0
        if ended.result.smtp_reply_code is not None and ended.kind != "delivered":
            self._ask_rules(group, site, state, ended.result, cause=cause, now=now)

    def handle(self, group: Group, *, now: float) -> None:
        """What is due in every step of the owner: warm-up reservations."""
        self._warming.reserve(group)
        if now >= self._tidy_at:
            self._tidy_at = now + TIDY_SECONDS
            self._imposing.forget(now=now)

    def _ask_rules(
        self, group: Group, site: str, state: _Site, result: SmtpResult, *, cause: UUID | None, now: float
    ) -> None:
        part = self._share().part
        if self._imposing.learn(group, site, result, limit=state.limit, part=part, cause=cause, now=now):
            state.fresh_until = 0.0
            group.given_up.append(lambda: setattr(state, "fresh_until", 0.0))

    # What a destination's limits are.

    def _at(self, site: str, now: float) -> _Site:
        state = self._sites.get(site)
        if state is None:
            if len(self._sites) >= MOST_SITES:
                self._sites = {name: known for name, known in self._sites.items() if not known.idle(now)}
            state = self._sites[site] = _Site()
        if (
            now >= state.fresh_until
            or self._version != self._controls.controls_version
            or self._seen is not self._share()
        ):
            self._refresh(site, state, now)
        return state

    def _refresh(self, site: str, state: _Site, now: float) -> None:
        self._look_around()
        names = self._said.names(site, now=now)
        if (lifted_at := self._said.lifted_at(names)) > state.lifted_at:
            state.lifted_at = lifted_at
            state.trouble.over()
        state.limit = self._said.limit(names)
        control = self._imposing.current(site)
        imposed = effective(control, now=now, lifted_at=state.lifted_at)
        limit = state.limit.within(imposed.limit) if control is not None else state.limit
        self._count(state, limit, now)
        state.pace.keep(limit.rate, self._share(), ahead=self._broker_time.ahead, now=now)
        held = self._said.held(site)
        state.closed_until = max(imposed.closed_until, state.trouble.resume_at, now + FRESH_SECONDS if held else 0.0)
        steady = control is None and state.pace.unlimited and not held and not self._rotates(limit)
        state.fresh_until = self._said.known_until if steady else now + FRESH_SECONDS
        state.fresh_until = min(state.fresh_until, state.pace.closes)

    def _rotates(self, limit: Limit) -> bool:
        share = self._share()
        return not share.whole and min(limit.in_flight or 1, limit.connections or 1) < share.partitions

    def _look_around(self) -> None:
        """When an operator or another sender has said something, or partitions have moved, all is looked up again."""
        if self._version != self._controls.controls_version or self._seen is not self._share():
            self._version, self._seen = self._controls.controls_version, self._share()
            for known in self._sites.values():
                known.fresh_until = 0.0

    def _count(self, state: _Site, limit: Limit, now: float) -> None:
        share, there = self._share(), now + self._broker_time.ahead
        state.most = permits(limit.in_flight or 1, share, now=there)
        connections = permits(limit.connections or 1, share, now=there)
        state.connections = max(1, connections)  # for what is in hand already
        if connections == 0:
            state.most = 0
        if state.trouble.failures:  # one asks whether it is over
            state.most, state.connections = min(1, state.most), 1
