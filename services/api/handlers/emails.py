"""Sending one email: check, take large parts out, recognise a repeat, write."""

from dataclasses import dataclass
from uuid import UUID

from services.api.domain import record
from services.api.domain.answers import Receipt
from services.api.domain.content import Prepared, refuse_blobs, split, to_command
from services.api.domain.errors import ApiError
from services.api.domain.record import Origin
from services.api.handlers.ports import BlobStore, Known, Log, Templates
from shared.acceptance import Refusal, check
from shared.commands import Content, SendEmail, request_hash
from shared.ids import email_id_for, new_id
from shared.records import TemplateVersion


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What the settings say about acceptable emails. `largest` is the size of a request in bytes."""

    sending_domains: frozenset[str]
    broadcast_ready: bool
    largest: int

    def prepare(self, command: SendEmail, *, template: TemplateVersion | None, origin: Origin) -> Prepared | Refusal:
        """The command fit for a record, or why it is refused."""
        checked = check(
            command,
            sending_domains=self.sending_domains,
            template=template,
            broadcast_ready=self.broadcast_ready,
            now=origin.now,
            largest=self.largest,
        )
        return checked if isinstance(checked, Refusal) else split(command)


class Emails:
    """Accepts single emails."""

    def __init__(self, *, rules: Rules, log: Log, blobs: BlobStore, templates: Templates, known: Known) -> None:
        self._rules = rules
        self._log = log
        self._blobs = blobs
        self._templates = templates
        self._known = known

    async def send(self, content: Content, *, origin: Origin, key: str | None) -> Receipt:
        """Accept one email: it is durable when this returns. The same key and content give the same answer again."""
        if (named := refuse_blobs(content)) is not None:
            raise ApiError.of(named)
        email_id = new_id() if key is None else email_id_for(tenant=origin.tenant, operation="emails", key=key)
        prepared = await self._prepare(content, email_id=email_id, origin=origin)
        asked = request_hash(prepared.command)
        if key is None or not await self._repeated(email_id, asked, origin=origin):
            await self._blobs.put(prepared.large)
            await self._log.write([record.command(prepared.command, origin=origin)])
            self._known.remember(origin.tenant, {email_id: asked})
        return Receipt(email_id=email_id)

    async def _prepare(self, content: Content, *, email_id: UUID, origin: Origin) -> Prepared:
        command = to_command(content, email_id=email_id, tenant=origin.tenant, command_id=new_id())
        template = await find_template(self._templates, command)
        prepared = self._rules.prepare(command, template=template, origin=origin)
        if isinstance(prepared, Refusal):
            raise ApiError.of(prepared)
        return prepared

    async def _repeated(self, email_id: UUID, asked: str, *, origin: Origin) -> bool:
        before = (await self._known.request_hashes(origin.tenant, [email_id])).get(email_id)
        if before is not None and before != asked:
            raise ApiError("idempotency_conflict", "this key came with another body", field="Idempotency-Key")
        return before is not None


async def find_template(templates: Templates, command: SendEmail) -> TemplateVersion | None:
    """The template version that a command means."""
    if command.template is None:
        return None
    return await templates.find(command.tenant, command.template, command.template_version)
