"""Settling a doubt by hand: the sender decides whether there is one; this waits for its word."""

from uuid import UUID

from services.api.domain.answers import ResolveAnswer, ResolveRequest
from services.api.domain.record import Origin
from services.api.handlers.asking import Asking
from services.api.handlers.ports import Facts, Known, Log
from shared.commands import ResolveEmail
from shared.ids import new_id


class Resolve:
    """Says what became of an email in doubt, or what is to be done."""

    def __init__(self, *, log: Log, known: Known, facts: Facts) -> None:
        self._asking = Asking(log=log, known=known, facts=facts)

    async def resolve(self, email_id: UUID, asked: ResolveRequest, *, origin: Origin, wait: float) -> ResolveAnswer:
        """Ask, and wait so many seconds for the answer. Without one the request stands and is answered later."""
        command = ResolveEmail(
            email_id=email_id,
            tenant=origin.tenant,
            command_id=new_id(),
            by=origin.by,
            outcome=asked.outcome,
            reason=asked.reason,
        )
        fact = await self._asking.ask(command, origin=origin, wait=wait)
        status = "requested" if fact is None else "resolved"
        return ResolveAnswer(
            email_id=email_id, status=status, outcome=asked.outcome, command_id=command.command_id or new_id()
        )
