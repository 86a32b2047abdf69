"""Another time for an email that waits: the sender decides, exactly; this waits for its word."""

from uuid import UUID

from services.api.domain.answers import RescheduleAnswer, RescheduleRequest
from services.api.domain.errors import ApiError
from services.api.domain.record import Origin
from services.api.handlers.asking import Asking
from services.api.handlers.ports import Facts, Known, Log
from shared.acceptance.limits import MAX_SEND_AHEAD
from shared.commands import RescheduleEmail
from shared.ids import new_id


class Reschedule:
    """Asks for another time."""

    def __init__(self, *, log: Log, known: Known, facts: Facts) -> None:
        self._asking = Asking(log=log, known=known, facts=facts)

    async def reschedule(
        self, email_id: UUID, asked: RescheduleRequest, *, origin: Origin, wait: float
    ) -> RescheduleAnswer:
        """Ask, and wait so many seconds for the answer. Without one the request stands and is answered later."""
        if asked.send_at > origin.now + MAX_SEND_AHEAD:
            raise ApiError("send_at_too_far", "is more than a year ahead", field="send_at")
        command_id = new_id()
        command = RescheduleEmail(
            email_id=email_id, tenant=origin.tenant, command_id=command_id, by=origin.by, send_at=asked.send_at
        )
        fact = await self._asking.ask(command, origin=origin, wait=wait)
        status = "requested" if fact is None else "scheduled"
        return RescheduleAnswer(email_id=email_id, status=status, send_at=asked.send_at, command_id=command_id)
