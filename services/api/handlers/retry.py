"""A failed or bounced email once more: a new email with the same content, and the old one's id as `retry_of`."""

from datetime import datetime
from typing import Protocol
from uuid import UUID

from services.api.domain import record
from services.api.domain.answers import EmailView, Receipt
from services.api.domain.content import Prepared
from services.api.domain.errors import ApiError
from services.api.domain.record import Origin
from services.api.domain.retries import again, new_id_of, require_retryable
from services.api.handlers.emails import Rules, find_template
from services.api.handlers.ports import Known, Log, Templates, Views
from shared.acceptance import Refusal
from shared.commands import SendEmail, request_hash
from shared.ids import new_id


class Sources(Protocol):
    """The requests as they stand in the log, while they are kept there."""

    async def find(self, tenant: str, email_id: UUID, *, asked: str, queued_at: datetime) -> SendEmail | None:
        """The request with this hash, read by the sender at about `queued_at`; raises ApiError `kafka_unavailable`."""


class Retry:
    """Sends again what was given up."""

    def __init__(
        self, *, rules: Rules, log: Log, templates: Templates, known: Known, views: Views, sources: Sources
    ) -> None:
        self._rules = rules
        self._log = log
        self._templates = templates
        self._known = known
        self._views = views
        self._sources = sources

    async def retry(self, email_id: UUID, *, origin: Origin) -> Receipt:
        """Accept the new email. Its id comes from the old one's, so asking again changes nothing."""
        another = new_id_of(email_id, tenant=origin.tenant)
        if not await self._known.request_hashes(origin.tenant, [another]):
            await self._send(email_id, another, origin=origin)
        return Receipt(email_id=another)

    async def _send(self, email_id: UUID, another: UUID, *, origin: Origin) -> None:
        found = await self._views.email(origin.tenant, email_id)
        if found is None:
            raise ApiError("unknown_email", "there is no such email")
        require_retryable(found.status, erased=found.erased)
        original = await self._original(found, origin=origin)
        command = again(original, email_id=another, command_id=new_id(), template_version=found.template_version)
        prepared = await self._prepare(command, origin=origin)
        await self._log.write([record.command(prepared.command, origin=origin)])
        self._known.remember(origin.tenant, {another: request_hash(prepared.command)})

    async def _original(self, email: EmailView, *, origin: Origin) -> SendEmail:
        asked = (await self._known.request_hashes(origin.tenant, [email.email_id])).get(email.email_id)
        found = None
        if asked is not None and email.queued_at is not None:
            found = await self._sources.find(origin.tenant, email.email_id, asked=asked, queued_at=email.queued_at)
        if found is None:
            raise ApiError("source_gone", "its request is not on the log any more")
        return found

    async def _prepare(self, command: SendEmail, *, origin: Origin) -> Prepared:
        template = await find_template(self._templates, command)
        prepared = self._rules.prepare(command, template=template, origin=origin)
        if isinstance(prepared, Refusal):
            raise ApiError.of(prepared)
        return prepared
