"""Limits under a test's hands: controls that are said, capacity that is set, groups that are kept or given up."""

from datetime import UTC, datetime
from typing import Any

from services.sender.domain.broker_time import BrokerTime
from services.sender.domain.limits import Limit
from services.sender.domain.reply_rules import Rule, RuleSet
from services.sender.domain.shares import Share
from services.sender.domain.warm_up import WarmUp
from services.sender.group import Group
from services.sender.handlers.imposing import Imposing
from services.sender.handlers.limits import Limits
from services.sender.handlers.warming import Warming
from shared.events import DestinationLimited, codec
from shared.records import decode_control
from shared.topics import CONTROLS, EVENTS
from tests.fakes.controls import Said

WHOLE = Share(owned=frozenset(range(6)), partitions=6)


def at(seconds: float) -> datetime:
    """A time in seconds of the epoch."""
    return datetime.fromtimestamp(seconds, UTC)


class SomeSettings:
    """The settings of limits."""

    operator_tenant = "default"

    def __init__(self, **changes: Any) -> None:
        self.destination_in_flight = 10
        self.destination_connections = 5
        self.destination_rate: float | None = None
        self.destinations: dict[str, Limit] = {}
        vars(self).update(changes)


class Stage:
    """`limits` with all that it asks for."""

    def __init__(
        self, *rules: Rule, warm_up: tuple[WarmUp, ...] = (), said: Said | None = None, **changes: Any
    ) -> None:
        self.said = said or Said()
        self.free = 100
        self.share = WHOLE
        self.sites: dict[str, str] = {}
        self.now = 1_000_000.0
        self.group = Group({})
        self.broker_time = BrokerTime()
        self.limits = Limits(
            SomeSettings(**changes),
            controls=self.said,
            free=lambda: self.free,
            share=lambda: self.share,
            broker_time=self.broker_time,
            site_of=lambda name: self.sites.get(name, name),
            imposing=Imposing([RuleSet(version="1", rules=rules)], controls=self.said, tenant="default"),
            warming=Warming(
                warm_up,
                controls=self.said,
                share=lambda: self.share,
                addresses_of=lambda stream: ["192.0.2.1"] if stream == "broadcast" else [],
                tenant="default",
            ),
        )

    def opens_at(self, site: str = "a.example", *, stream: str = "transactional") -> float:
        return self.limits.opens_at(site, stream=stream, now=self.now)

    def closed_for(self, site: str = "a.example") -> float:
        """Seconds until another email goes, of a destination that is looked at whenever it asks to be."""
        begun = self.now
        while (opens := self.opens_at(site)) > self.now:
            self.now = opens
        closed, self.now = self.now - begun, begun
        return closed

    def take(self, site: str = "a.example", *, most: int = 1000, stream: str = "transactional") -> int:
        """Take as many as go now."""
        for taken in range(most):
            if self.opens_at(site, stream=stream) > self.now:
                return taken
            self.limits.taken(site, stream=stream, now=self.now)
        return most

    def commit(self, *, seen: bool = True) -> list[DestinationLimited]:
        """The group is committed, and (`seen`) its controls come back; its facts."""
        group, self.group = self.group, Group({})
        for call in group.committed:
            call()
        if seen:
            for record in group.records:
                if record.topic == CONTROLS.name:
                    self.said.say(decode_control(record.value or b""))
        facts = [codec.decode(record.value or b"") for record in group.records if record.topic == EVENTS.name]
        return [fact for fact in facts if isinstance(fact, DestinationLimited)]

    def give_up(self) -> None:
        """The group is given up."""
        group, self.group = self.group, Group({})
        for call in reversed(group.given_up):
            call()
