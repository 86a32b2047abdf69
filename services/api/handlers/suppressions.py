"""Changing the suppression list: the record that stops mail, and the fact that says why."""

from services.api.domain import record
from services.api.domain.answers import SuppressionView
from services.api.domain.record import Origin
from services.api.domain.suppressions import SuppressionRequest, check_reason, check_scope, ref_of
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
        fact = SuppressionAdded(
            event_id=new_id(),
            occurred_at=origin.now,
            tenant=origin.tenant,
            recipient_ref=self.ref(request.recipient, tenant=origin.tenant),
            scope=check_scope(request.scope),
            reason=request.reason,
            expires_at=request.expires_at,
        )
        value = Suppression(
            tenant=origin.tenant,
            scope=fact.scope,
            recipient_ref=fact.recipient_ref,
            reason=fact.reason,
            causing_event_id=fact.event_id,
            added_at=origin.now,
            expires_at=request.expires_at,
        )
        key = suppression_key(tenant=origin.tenant, scope=fact.scope, recipient_ref=fact.recipient_ref)
        await self._log.write([record.last_value(SUPPRESSIONS.name, key, value, origin=origin)])
        await self._log.write([record.fact(fact, origin=origin)])
        return SuppressionView(
            recipient_ref=value.recipient_ref,
            scope=value.scope,
            reason=value.reason,
            causing_event_id=fact.causing_event_id,
            added_at=value.added_at,
            expires_at=value.expires_at,
        )

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
