"""What settings and operators say of destinations: limits, holds, flushes. By the name of a site, or of its domains."""

from collections import defaultdict
from collections.abc import Callable
from math import inf
from typing import Final, Protocol

from services.sender.domain.limits import UNLIMITED, Limit
from services.sender.handlers.last_words import Controls

NAMES_SECONDS: Final = 10.0  # how long it is kept which site a name means: that of a domain can become known later


class Settings(Protocol):
    """The settings that limits come from."""

    operator_tenant: str
    destination_in_flight: int
    destination_connections: int
    destination_rate: float | None
    destinations: dict[str, Limit]


class Said:
    """`site_of` tells the site that a name (a domain, or a site itself) belongs to, as far as is known."""

    def __init__(self, settings: Settings, *, controls: Controls, site_of: Callable[[str], str]) -> None:
        self._settings = settings
        self._controls = controls
        self._site_of = site_of
        self._default = Limit(
            rate=settings.destination_rate,
            connections=settings.destination_connections,
            in_flight=settings.destination_in_flight,
        )
        self._names: dict[str, list[str]] = {}
        self._version = -1
        self.known_until = 0.0

    def names(self, site: str, *, now: float) -> list[str]:
        """The names by which a site is meant; so until `known_until` (epoch seconds), or until a control changes."""
        if now >= self.known_until or self._version != self._controls.controls_version:
            self._version = self._controls.controls_version
            said = (*self._controls.controls_of("limits"), *self._controls.controls_of("flush"))
            given = {control.name for control in said} | set(self._settings.destinations)
            self.known_until = now + NAMES_SECONDS if given else inf
            self._names = defaultdict(list)
            for name in sorted(given):
                self._names[self._site_of(name)].append(name)
        return sorted({site, *self._names.get(site, ())}) if self._names else [site]

    def limit(self, names: list[str]) -> Limit:
        """An operator's word, else the settings', else the default; of several names of a site the tightest."""
        found = UNLIMITED
        for name in names:
            said, given = self._operators(name), self._settings.destinations.get(name)
            if said is not None or given is not None:
                found = found.within((said or UNLIMITED).over(given or UNLIMITED))
        return self._default if found is UNLIMITED else found.over(self._default)

    def held(self, site: str) -> bool:
        """Whether an operator holds the whole site."""
        control = self._controls.control(self._settings.operator_tenant, "destination", site)
        return control is not None and control.paused

    def lifted_at(self, names: list[str]) -> float:
        """When an operator last lifted what trouble and replies had imposed (epoch seconds)."""
        flushes = (self._controls.control(self._settings.operator_tenant, "flush", name) for name in names)
        return max((each.at.timestamp() for each in flushes if each is not None and each.at is not None), default=0.0)

    def _operators(self, name: str) -> Limit | None:
        control = self._controls.control(self._settings.operator_tenant, "limits", name)
        if control is None:
            return None
        return Limit(rate=control.rate, connections=control.connections, in_flight=control.in_flight)
