"""Cancelling an email: the sender decides, exactly; this waits for its word."""

from uuid import UUID

from services.api.domain.answers import CancelAnswer
from services.api.domain.errors import ApiError
from services.api.domain.record import Origin
from services.api.handlers.asking import Asking
from services.api.handlers.ports import Facts, Known, Log
from shared.commands import CancelEmail
from shared.events import EmailCancelled, EmailCancelRefused, Event
from shared.ids import new_id


class Cancel:
    """Asks for cancellation."""

    def __init__(self, *, log: Log, known: Known, facts: Facts) -> None:
        self._asking = Asking(log=log, known=known, facts=facts)
        self._facts = facts

    async def cancel(self, email_id: UUID, *, origin: Origin, reason: str | None, wait: float) -> CancelAnswer:
        """Ask, and wait so many seconds for the answer. Without one the request stands and is answered later."""
        command_id = new_id()
        command = CancelEmail(
            email_id=email_id, tenant=origin.tenant, command_id=command_id, by=origin.by, reason=reason
        )
        fact = await self._asking.ask(command, origin=origin, wait=wait)
        status = "requested" if fact is None else await self._outcome(fact, email_id, origin=origin)
        return CancelAnswer(email_id=email_id, status=status, command_id=command_id)

    async def _outcome(self, fact: Event, email_id: UUID, *, origin: Origin) -> str:
        match fact:
            case EmailCancelled():
                return "cancelled"
            case EmailCancelRefused():  # done before: asking again is no error
                if await self._facts.status_of_email(origin.tenant, email_id) == "cancelled":
                    return "cancelled"
                raise ApiError("too_late", fact.reason)
        raise TypeError(f"{type(fact).__name__} does not answer a cancellation")
