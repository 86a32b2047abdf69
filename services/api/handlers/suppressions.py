"""Changing the suppression list: the record that stops mail, and the fact that says why."""

from collections.abc import Sequence
from typing import Any

from services.api.domain import record
from services.api.domain.answers import SuppressionsReceipt, SuppressionView
from services.api.domain.errors import ApiError, ItemProblem
from services.api.domain.record import Origin
from services.api.domain.suppressions import SuppressionRequest, check_reason, check_scope, read_one, ref_of
from services.api.handlers.ports import Log
from shared.events import SuppressionAdded, SuppressionRemoved
from shared.ids import new_id
from shared.records import Suppression, suppression_key
from shared.topics import SUPPRESSIONS


class Suppressions:
    """Adds and removes suppressions. `secret` keys the hash that stands for an address."""

    def __init__(self, *, log: Log, secret: bytes) -> None:
        self._log = log
        self._secret = secret

    def ref(self, recipient: str, *, tenant: str) -> str:
        """The hash by which a recipient is known."""
        return ref_of(recipient, tenant=tenant, secret=self._secret)

    async def add(self, request: SuppressionRequest, *, origin: Origin) -> SuppressionView:
        """Mail stops first, the fact follows: what fails in between holds back too much, never too little."""
        check_reason(request.reason)
        fact = self._fact(request, origin=origin)
        await self._write([fact], origin=origin)
        return SuppressionView(
            recipient_ref=fact.recipient_ref,
            scope=fact.scope,
            reason=fact.reason,
            causing_event_id=fact.causing_event_id,
            added_at=fact.occurred_at,
            expires_at=fact.expires_at,
        )

    async def add_many(self, items: Sequence[dict[str, Any]], *, origin: Origin) -> SuppressionsReceipt:
        """Each on its own; those that are good are in effect when this returns."""
        facts, problems = [], []
        for index, item in enumerate(items):
            try:
                facts.append(self._fact(read_one(item), origin=origin))
            except ApiError as error:
                detail = error.detail or error.code
                problems.append(ItemProblem(code=error.code, detail=detail, field=error.field, index=index))
        await self._write(facts, origin=origin)
        return SuppressionsReceipt(added=len(facts), refused=len(problems), problems=tuple(problems))

    def _fact(self, request: SuppressionRequest, *, origin: Origin) -> SuppressionAdded:
        return SuppressionAdded(
            event_id=new_id(),
            occurred_at=origin.now,
            tenant=origin.tenant,
            recipient_ref=self.ref(request.recipient, tenant=origin.tenant),
            scope=check_scope(request.scope),
            reason=request.reason,
            causing_event_id=request.causing_event_id,
            expires_at=request.expires_at,
        )

    async def _write(self, facts: Sequence[SuppressionAdded], *, origin: Origin) -> None:
        await self._log.write([_value(fact, origin=origin) for fact in facts])
        await self._log.write([record.fact(fact, origin=origin) for fact in facts])

    async def remove(self, recipient: str, *, scope: str, origin: Origin) -> None:
        """The fact first, then mail flows again; removing what is not there is no error."""
        fact = SuppressionRemoved(
            event_id=new_id(),
            occurred_at=origin.now,
            tenant=origin.tenant,
            recipient_ref=self.ref(recipient, tenant=origin.tenant),
            scope=check_scope(scope),
            reason=f"removed by {origin.by}",
        )
        key = suppression_key(tenant=origin.tenant, scope=fact.scope, recipient_ref=fact.recipient_ref)
        await self._log.write([record.fact(fact, origin=origin)])
        await self._log.write([record.last_value(SUPPRESSIONS.name, key, None, origin=origin)])


def _value(fact: SuppressionAdded, *, origin: Origin) -> record.Record:
    value = Suppression(
        tenant=fact.tenant,
        scope=fact.scope,
        recipient_ref=fact.recipient_ref,
        reason=fact.reason,
        causing_event_id=fact.event_id,
        added_at=fact.occurred_at,
        expires_at=fact.expires_at,
    )
    key = suppression_key(tenant=fact.tenant, scope=fact.scope, recipient_ref=fact.recipient_ref)
    return record.last_value(SUPPRESSIONS.name, key, value, origin=origin)
