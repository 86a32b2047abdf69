"""What is asked of a batch once it is there: pause, resume. The senders act by the last word on each."""

from uuid import UUID

from services.api.domain import record
from services.api.domain.answers import BatchControl
from services.api.domain.errors import ApiError
from services.api.domain.record import Origin
from services.api.handlers.ports import Controls, Facts, Known, Log
from services.api.handlers.waiting import eventually
from shared.events import BatchEvent, BatchPaused, BatchResumed
from shared.ids import new_id
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
