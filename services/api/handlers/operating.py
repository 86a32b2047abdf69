"""What operators ask of the senders: holds, limits, flushes, weights. The last word of each, and facts about it."""

from datetime import datetime
from uuid import UUID

from msgspec.structs import replace

from services.api.domain import record
from services.api.domain.destinations import HoldAnswer, LimitsRequest
from services.api.domain.errors import ApiError
from services.api.domain.record import Origin
from services.api.domain.suppressions import check_reason
from services.api.handlers.ports import Controls, Log
from shared.events import DestinationLimited
from shared.ids import new_id
from shared.records import Control, ControlKind, control_key
from shared.topics import CONTROLS

FIGURES = ("rate", "connections", "in_flight")


class Operating:
    """`operators` is the tenant that speaks for all tenants; the others hold and flush what is theirs."""

    def __init__(self, *, log: Log, controls: Controls, operators: str) -> None:
        self._log = log
        self._controls = controls
        self._operators = operators

    def for_all(self, origin: Origin) -> bool:
        """Whether the caller speaks for all tenants."""
        return origin.tenant == self._operators

    async def hold(self, kind: ControlKind, name: str, *, held: bool, reason: str | None, origin: Origin) -> HoldAnswer:
        """Hold or release a destination, stream or tenant. A destination's release also lifts what replies imposed."""
        if kind == "tenant" and name != origin.tenant:
            self._require_operator(origin)
        control = _control(kind, name, reason, origin)
        await self._say(replace(control, paused=held), origin)
        if kind == "destination":
            if not held:
                await self._say(replace(control, kind="flush"), origin)
            await self._log.write([record.fact(_limited(name, origin, held=float(held)), origin=origin)])
        return self._answer(kind, name, "hold" if held else "release", origin)

    async def flush(self, name: str, *, reason: str | None, origin: Origin) -> HoldAnswer:
        """What is deferred for a destination is tried now, and what replies and trouble have imposed is lifted."""
        await self._say(replace(_control("flush", name, reason, origin), deferred=True), origin)
        fact = _limited(name, origin, flushed=origin.now.timestamp())
        await self._log.write([record.fact(fact, origin=origin)])
        return self._answer("destination", name, "flush", origin)

    async def limit(self, name: str, request: LimitsRequest, *, origin: Origin) -> HoldAnswer:
        """Set a destination's limits, or with none leave them to the settings again."""
        self._require_operator(origin)
        before = self._controls.control(origin.tenant, "limits", name)
        control = _control("limits", name, check_reason(request.reason), origin)
        control = replace(control, **{each: getattr(request, each) for each in FIGURES})
        new = figures(control)
        key = control_key(control)
        await self._log.write([record.last_value(CONTROLS.name, key, control if new else None, origin=origin)])
        fact = replace(_limited(name, origin), old=figures(before) if before is not None else {}, new=new)
        await self._log.write([record.fact(fact, origin=origin)])
        return self._answer("destination", name, "limit", origin)

    async def weigh(self, name: str | UUID, weight: int, *, origin: Origin) -> HoldAnswer:
        """Give a batch of one's own, or as an operator a tenant, so many turns in a row."""
        if not isinstance(name, UUID):
            self._require_operator(origin)
        await self._say(replace(_control("weight", str(name), None, origin), weight=weight), origin)
        return self._answer("batch" if isinstance(name, UUID) else "tenant", str(name), "weigh", origin)

    def _require_operator(self, origin: Origin) -> None:
        if not self.for_all(origin):
            raise ApiError("operators_only", f"a key of the tenant {self._operators} is needed")

    async def _say(self, control: Control, origin: Origin) -> None:
        await self._log.write([record.last_value(CONTROLS.name, control_key(control), control, origin=origin)])

    def _answer(self, kind: str, name: str, asked: str, origin: Origin) -> HoldAnswer:
        return HoldAnswer(kind=kind, name=name, asked=asked, for_all=self.for_all(origin))


def figures(control: Control) -> dict[str, float]:
    """The limits of a control, as they stand in a fact."""
    return {each: float(value) for each in FIGURES if (value := getattr(control, each)) is not None}


def in_force(imposed: Control | None, flush: Control | None, *, now: datetime) -> Control | None:
    """What a rule on replies imposed, unless it is over or was lifted."""
    if imposed is None or imposed.at is None or imposed.until is None or imposed.until <= now:
        return None
    return None if flush is not None and flush.at is not None and flush.at >= imposed.at else imposed


def _control(kind: ControlKind, name: str, reason: str | None, origin: Origin) -> Control:
    return Control(tenant=origin.tenant, kind=kind, name=name, by=origin.by, reason=reason, at=origin.now)


def _limited(name: str, origin: Origin, **new: float) -> DestinationLimited:
    return DestinationLimited(
        event_id=new_id(),
        occurred_at=origin.now,
        tenant=origin.tenant,
        destination=name,
        rule="operator",
        old={},
        new=new,
    )
