"""What is asked of a batch once it is there: pause, resume, cancel, a rate. Senders act by the last word on each."""

from uuid import UUID

from services.api.domain import record
from services.api.domain.answers import BatchAsked, BatchControl, BatchRate
from services.api.domain.batches import rate_control
from services.api.domain.errors import ApiError
from services.api.domain.record import Origin
from services.api.handlers.ports import Controls, Facts, Known, Log
from services.api.handlers.waiting import eventually
from shared.events import BatchCancelled, BatchEvent, BatchPaused, BatchResumed
from shared.ids import event_id_for, new_id
from shared.records import Control, control_key
from shared.topics import CONTROLS

OPERATOR = "operator"


class BatchControls:
    """Writes the control first, the fact about it after. `wait`: seconds for a batch that is new to be known."""

    def __init__(self, *, log: Log, known: Known, facts: Facts, controls: Controls) -> None:
        self._log = log
        self._known = known
        self._facts = facts
        self._controls = controls

    async def control(self, batch_id: UUID, *, paused: bool, origin: Origin, wait: float) -> BatchControl:
        """Pause or resume a batch."""
        stream = await self._stream_of(batch_id, origin=origin, wait=wait)
        if self._controls.control(origin.tenant, "cancelled", str(batch_id)) is not None:
            raise ApiError("batch_cancelled", "it is neither paused nor resumed any more")
        control = Control(
            tenant=origin.tenant, kind="batch", name=str(batch_id), paused=paused, by=origin.by, at=origin.now
        )
        kind = BatchPaused if paused else BatchResumed
        fact = kind(
            event_id=new_id(),
            occurred_at=origin.now,
            tenant=origin.tenant,
            batch_id=batch_id,
            stream=stream,
            by=origin.by,
            reason=OPERATOR,
        )
        await self._say(control, fact, origin)
        return BatchControl(batch_id=batch_id, paused=paused)

    async def cancel(self, batch_id: UUID, *, reason: str | None, origin: Origin, wait: float) -> BatchAsked:
        """Cancel a batch, for good; asked again it is the same fact, and the first word stands."""
        stream = await self._stream_of(batch_id, origin=origin, wait=wait)
        name = str(batch_id)
        control = self._controls.control(origin.tenant, "cancelled", name) or Control(
            tenant=origin.tenant, kind="cancelled", name=name, by=origin.by, reason=reason, at=origin.now
        )
        fact = BatchCancelled(
            event_id=event_id_for(subject=batch_id, kind="email.batch.cancelled"),
            occurred_at=control.at or origin.now,
            tenant=origin.tenant,
            batch_id=batch_id,
            stream=stream,
            by=control.by,
            reason=control.reason or OPERATOR,
        )
        await self._say(control, fact, origin)
        return BatchAsked(batch_id=batch_id, asked="cancel")

    async def limit(self, batch_id: UUID, rate: float | None, *, origin: Origin, wait: float) -> BatchRate:
        """At most so many of its emails a second, over all senders; None: as fast as it goes."""
        await self._stream_of(batch_id, origin=origin, wait=wait)
        await self._log.write([rate_control(batch_id, rate, origin=origin)])
        return BatchRate(batch_id=batch_id, max_rate=rate)

    async def _say(self, control: Control, fact: BatchEvent, origin: Origin) -> None:
        await self._log.write([record.last_value(CONTROLS.name, control_key(control), control, origin=origin)])
        await self._log.write([record.fact(fact, origin=origin)])

    async def _stream_of(self, batch_id: UUID, *, origin: Origin, wait: float) -> str:
        stream = self._known.recent(origin.tenant, batch_id)
        if stream is None:
            stream = await eventually(lambda: self._facts.stream_of_batch(origin.tenant, batch_id), seconds=wait)
        if stream is None:
            raise ApiError("not_found", "there is no such batch")
        return stream
