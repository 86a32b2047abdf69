"""The queue as operators see it: what waits (read models), beside what is held and limited (the copy of controls)."""

from services.api.domain.destinations import DestinationPage, DestinationView, ImposedView, LimitsView, Waiting
from services.api.domain.record import Origin
from services.api.handlers.operating import in_force
from services.api.handlers.ports import Controls, Queue
from shared.records import Control


class Destinations:
    """`operators` is the tenant that sees the emails of all tenants."""

    def __init__(self, *, queue: Queue, controls: Controls, operators: str) -> None:
        self._queue = queue
        self._controls = controls
        self._operators = operators

    async def show(self, *, name: str | None, limit: int, origin: Origin) -> DestinationPage:
        """The destinations with open emails, holds or limits; or the one that is named."""
        tenant = None if origin.tenant == self._operators else origin.tenant
        found, position = await self._queue.waiting(tenant, destination=name, limit=limit)
        known = {each.destination: each for each in found}
        named = {name} if name is not None else self._spoken_of(origin) - known.keys()
        quiet = [Waiting(destination=each, counts={}, oldest_at=None) for each in sorted(named - known.keys())]
        views = tuple(self._view(each, origin) for each in (*found, *quiet))
        return DestinationPage(destinations=views[:limit], position=position)

    def _spoken_of(self, origin: Origin) -> set[str]:
        """Destinations of which operators or replies have said something that still counts."""
        said = (each for kind in ("destination", "limits", "imposed") for each in self._controls.controls_of(kind))
        mine = {each.name for each in said if each.tenant in (origin.tenant, self._operators)}
        return {name for name in mine if self._matters(name, origin)}

    def _matters(self, name: str, origin: Origin) -> bool:
        return self._held(name, origin) or self._limits(name) is not None or self._imposed(name, origin) is not None

    def _view(self, waiting: Waiting, origin: Origin) -> DestinationView:
        limits, imposed = self._limits(waiting.destination), self._imposed(waiting.destination, origin)
        return DestinationView(
            destination=waiting.destination,
            waiting=sum(count for status, count in waiting.counts.items() if status != "scheduled"),
            oldest_at=waiting.oldest_at,
            counts=waiting.counts,
            held=self._held(waiting.destination, origin),
            limits=_limits_view(limits) if limits is not None else None,
            imposed=_imposed_view(imposed) if imposed is not None else None,
        )

    def _held(self, name: str, origin: Origin) -> bool:
        said = (self._controls.control(who, "destination", name) for who in {origin.tenant, self._operators})
        return any(control.paused for control in said if control is not None)

    def _limits(self, name: str) -> Control | None:
        return self._controls.control(self._operators, "limits", name)

    def _imposed(self, name: str, origin: Origin) -> Control | None:
        imposed = self._controls.control(self._operators, "imposed", name)
        return in_force(imposed, self._controls.control(self._operators, "flush", name), now=origin.now)


def _limits_view(control: Control) -> LimitsView:
    return LimitsView(
        rate=control.rate,
        connections=control.connections,
        in_flight=control.in_flight,
        by=control.by,
        reason=control.reason,
    )


def _imposed_view(control: Control) -> ImposedView:
    return ImposedView(
        rule=control.rule,
        since=control.at,
        paused_until=control.paused_until,
        until=control.until,
        rate=control.rate,
        connections=control.connections,
    )
