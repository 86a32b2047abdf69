"""Commands on an existing email: the sender decides; this writes the command and waits for its word."""

from services.api.domain import record
from services.api.domain.errors import ApiError
from services.api.domain.record import Origin
from services.api.handlers.ports import Facts, Known, Log
from services.api.handlers.waiting import eventually
from shared.commands import EmailCommand
from shared.events import EmailRequestRefused, Event


class Asking:
    """An id that nothing is known of is asked for all the same: the email may be on its way to the sender."""

    def __init__(self, *, log: Log, known: Known, facts: Facts) -> None:
        self._log = log
        self._known = known
        self._facts = facts

    async def ask(self, command: EmailCommand, *, origin: Origin, wait: float) -> Event | None:
        """The fact that answers; None without one in so many seconds, or without a database: the request stands.

        Raises ApiError `unknown_email` when nothing is known of the email by then, or the refusal's code.
        """
        await self._log.write([record.command(command, origin=origin)])  # type: ignore[arg-type]  # all are commands
        try:
            return await self._answer(command, wait)
        except ApiError as error:
            if error.code != "database_unavailable":
                raise
            return None

    async def _answer(self, command: EmailCommand, wait: float) -> Event | None:
        fact = await eventually(lambda: self._said(command), seconds=wait)
        if isinstance(fact, EmailRequestRefused):
            raise ApiError(fact.error_code, fact.detail)
        if fact is None and not await self._is_known(command):
            raise ApiError("unknown_email", "there is no such email")
        return fact

    async def _said(self, command: EmailCommand) -> Event | None:
        """The sender's word, but for "unknown": said at once, it would tell that the id is another tenant's."""
        assert command.command_id is not None
        fact = await self._facts.caused_by(command.tenant, command.email_id, command.command_id)
        return None if isinstance(fact, EmailRequestRefused) and fact.error_code == "unknown_email" else fact

    async def _is_known(self, command: EmailCommand) -> bool:
        status = await self._facts.status_of_email(command.tenant, command.email_id)
        return status is not None or self._known.recent(command.tenant, command.email_id) is not None
