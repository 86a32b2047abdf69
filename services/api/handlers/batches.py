"""A bulk request: opened, each email checked and written on its own, closed with the count."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from services.api.domain import batches, record
from services.api.domain.answers import BatchReceipt, ItemResult
from services.api.domain.batches import BatchRequest, Item
from services.api.domain.content import Prepared, to_command
from services.api.domain.errors import ApiError, ItemProblem
from services.api.domain.record import Origin, Record
from services.api.handlers.emails import Rules, find_template
from services.api.handlers.ports import BlobStore, Known, Log, Templates
from services.api.handlers.repeats import repeated
from shared.acceptance import Refusal
from shared.commands import SendEmail, request_hash
from shared.ids import batch_id_for, email_id_for, new_id
from shared.records import TemplateVersion


@dataclass(frozen=True, kw_only=True)
class _Line:
    """An item on its way: a command while it is acceptable."""

    index: int
    outcome: SendEmail | Prepared | Refusal


class Batches:
    """Accepts bulk requests."""

    def __init__(self, *, rules: Rules, log: Log, blobs: BlobStore, templates: Templates, known: Known) -> None:
        self._rules = rules
        self._log = log
        self._blobs = blobs
        self._templates = templates
        self._known = known

    async def send(self, request: BatchRequest, *, origin: Origin, key: str | None) -> BatchReceipt:
        """Accept a batch. When Kafka fails in between, nothing is said of any email: ask again with the same key."""
        if (wrong := batches.check(request)) is not None:
            raise ApiError.of(wrong)
        batch_id = new_id() if key is None else batch_id_for(tenant=origin.tenant, key=key)
        lines = await self._prepare(request, batch_id=batch_id, origin=origin, key=key)
        accepted = {line.index: line.outcome for line in lines if isinstance(line.outcome, Prepared)}
        if not accepted:
            raise ApiError("content_missing", "no email of the batch can be sent", errors=_problems(lines))
        await self._write(request, accepted, batch_id=batch_id, origin=origin, keyed=key is not None)
        return BatchReceipt(
            batch_id=batch_id,
            acknowledged=len(accepted),
            refused=len(lines) - len(accepted),
            emails=tuple(_result(line) for line in lines),
        )

    async def _prepare(self, request: BatchRequest, *, batch_id: UUID, origin: Origin, key: str | None) -> list[_Line]:
        lines = [
            _line(item, batch_id=batch_id, origin=origin, key=key)
            for item in await asyncio.to_thread(batches.items, request)
        ]
        templates = {}
        for line in lines:
            if isinstance(command := line.outcome, SendEmail) and _template_name(command) not in templates:
                templates[_template_name(command)] = await find_template(self._templates, command)
        return await asyncio.to_thread(self._check, lines, templates, origin)

    def _check(
        self, lines: list[_Line], templates: dict[tuple[str | None, int | None], TemplateVersion | None], origin: Origin
    ) -> list[_Line]:
        checked = []
        for line in lines:
            if isinstance(command := line.outcome, SendEmail):
                template = templates[_template_name(command)]
                line = _Line(index=line.index, outcome=self._rules.prepare(command, template=template, origin=origin))
            checked.append(line)
        return checked

    async def _write(
        self, request: BatchRequest, accepted: dict[int, Prepared], *, batch_id: UUID, origin: Origin, keyed: bool
    ) -> None:
        hashes = await asyncio.to_thread(_hashes, accepted.values())
        before = await repeated(self._known, hashes, accepted, origin=origin) if keyed else {}
        fresh = [each for each in accepted.values() if each.command.email_id not in before]
        opened = batches.opened(request, batch_id=batch_id, tenant=origin.tenant, now=origin.now, cause=new_id())
        refused = len(request.emails) - len(accepted)
        closed = batches.closed(opened, acknowledged=len(accepted), refused=refused, now=origin.now)
        await self._blobs.put({name: part for each in fresh for name, part in each.large.items()})
        if request.max_rate is not None and fresh:  # before its first email
            await self._log.write([batches.rate_control(batch_id, request.max_rate, origin=origin)])
        await self._log.write([record.fact(opened, origin=origin)])
        await self._log.write(await asyncio.to_thread(_commands, fresh, origin))
        await self._log.write([record.fact(closed, origin=origin)])
        self._known.remember(origin.tenant, hashes | {batch_id: request.stream})


def _hashes(accepted: Iterable[Prepared]) -> dict[UUID, str]:
    return {each.command.email_id: request_hash(each.command) for each in accepted}


def _commands(accepted: Iterable[Prepared], origin: Origin) -> list[Record]:
    return [record.command(each.command, origin=origin) for each in accepted]


def _line(item: Item, *, batch_id: UUID, origin: Origin, key: str | None) -> _Line:
    if isinstance(item.content, Refusal):
        return _Line(index=item.index, outcome=item.content)
    email_id = (
        new_id() if key is None else email_id_for(tenant=origin.tenant, operation="batches", key=key, line=item.index)
    )
    command = to_command(item.content, email_id=email_id, tenant=origin.tenant, command_id=new_id(), batch_id=batch_id)
    return _Line(index=item.index, outcome=command)


def _template_name(command: SendEmail) -> tuple[str | None, int | None]:
    return command.template, command.template_version


def _problems(lines: Iterable[_Line]) -> tuple[ItemProblem, ...]:
    return tuple(_problem(line.outcome, index=line.index) for line in lines if isinstance(line.outcome, Refusal))


def _problem(refusal: Refusal, *, index: int | None = None) -> ItemProblem:
    return ItemProblem(code=refusal.code, detail=refusal.detail, field=refusal.field, index=index)


def _result(line: _Line) -> ItemResult:
    match line.outcome:
        case Prepared():
            return ItemResult(index=line.index, email_id=line.outcome.command.email_id)
        case Refusal():
            return ItemResult(index=line.index, problem=_problem(line.outcome))
    raise TypeError("an item that was not checked")
