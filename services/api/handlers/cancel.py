"""Cancelling an email: the sender decides, exactly; this waits for its word."""

from uuid import UUID

from services.api.domain import record
from services.api.domain.answers import CancelAnswer
from services.api.domain.errors import ApiError
from services.api.domain.record import Origin
from services.api.handlers.ports import Facts, Known, Log
from services.api.handlers.waiting import eventually
from shared.commands import CancelEmail
from shared.events import EmailCancelled, EmailCancelRefused, EmailRequestRefused, Event
from shared.ids import new_id


class Cancel:
    """Asks for cancellation."""

    def __init__(self, *, log: Log, known: Known, facts: Facts) -> None:
        self._log = log
        self._known = known
        self._facts = facts

    async def cancel(self, email_id: UUID, *, origin: Origin, reason: str | None, wait: float) -> CancelAnswer:
        """Ask, and wait so many seconds for the answer. Without one the request stands and is answered later.

        An id that nothing is known of is asked for all the same: the email may be on its way to the sender.
        """
        command_id = new_id()
        command = CancelEmail(
            email_id=email_id, tenant=origin.tenant, command_id=command_id, by=origin.by, reason=reason
        )
        await self._log.write([record.command(command, origin=origin)])
        try:
            status = await self._answer(command_id, email_id, origin=origin, wait=wait)
        except ApiError as error:
            if error.code != "database_unavailable":
                raise
            status = "requested"
        return CancelAnswer(email_id=email_id, status=status, command_id=command_id)

    async def _answer(self, command_id: UUID, email_id: UUID, *, origin: Origin, wait: float) -> str:
        fact = await eventually(lambda: self._said(command_id, email_id, origin=origin), seconds=wait)
        if fact is not None and not isinstance(fact, EmailCancelRefused):
            return _outcome(fact)
        status = await self._facts.status_of_email(origin.tenant, email_id)
        if isinstance(fact, EmailCancelRefused) and status != "cancelled":
            raise ApiError("too_late", fact.reason)
        if status is None and self._known.recent(origin.tenant, email_id) is None:
            raise ApiError("unknown_email", "there is no such email")
        return "requested" if fact is None else "cancelled"

    async def _said(self, command_id: UUID, email_id: UUID, *, origin: Origin) -> Event | None:
        """The sender's word, but for "unknown": said at once, it would tell that the id is another tenant's."""
        fact = await self._facts.caused_by(origin.tenant, email_id, command_id)
        return None if isinstance(fact, EmailRequestRefused) and fact.error_code == "unknown_email" else fact


def _outcome(fact: Event) -> str:
    match fact:
        case EmailCancelled():
            return "cancelled"
        case EmailRequestRefused():
            raise ApiError(fact.error_code, fact.detail)
    raise TypeError(f"{type(fact).__name__} does not answer a cancellation")
