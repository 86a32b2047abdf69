"""A bulk request of any length: read, checked and written in portions, the next one checked while one is written."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final
from uuid import UUID

from services.api.domain import batches, record
from services.api.domain.errors import ApiError
from services.api.domain.forms import Form
from services.api.domain.intake import SHOWN, Taken
from services.api.domain.lines import Line
from services.api.domain.record import Origin
from services.api.domain.rejections import StreamReceipt, problem_of
from services.api.handlers.behind import OneBehind
from services.api.handlers.emails import Rules
from services.api.handlers.portions import Batch, Checking, Portion
from services.api.handlers.ports import BlobStore, CurrentControls, Facts, Known, Log, Rejections, Templates
from services.api.handlers.repeats import repeated
from shared.commands import request_hash
from shared.events import BatchOpened
from shared.ids import batch_id_for, email_id_for, new_id
from shared.records import Control, control_key
from shared.topics import CONTROLS

WRITERS: Final = 4  # portions written at once, of all streams together: more would fill the producer's queue


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The answer, and how many emails of it are new: the others were acknowledged before."""

    receipt: StreamReceipt
    fresh: int


@dataclass(kw_only=True)
class _Run:
    """One request. `before` is how far an earlier one came; `known` whether emails of the batch may be."""

    batch: Batch
    fact: BatchOpened
    taken: Taken
    checking: Checking
    before: Control | None
    known: bool
    dry: bool
    open: bool


class Intake:
    """Accepts streamed batches."""

    def __init__(
        self,
        *,
        rules: Rules,
        log: Log,
        blobs: BlobStore,
        templates: Templates,
        known: Known,
        facts: Facts,
        controls: CurrentControls,
        rejections: Rejections,
    ) -> None:
        self._rules = rules
        self._log = log
        self._blobs = blobs
        self._templates = templates
        self._known = known
        self._facts = facts
        self._controls = controls
        self._rejections = rejections
        self._writers = asyncio.Semaphore(WRITERS)

    async def send(
        self, portions: AsyncIterator[list[Line]], form: Form, *, origin: Origin, key: str | None, dry: bool
    ) -> Outcome:
        """Take a stream to its end. When it breaks, what was written is sent, and the same key goes on after it."""
        if key is None and not dry:
            raise ApiError("invalid_parameter", "a stream has one: it may break", field="Idempotency-Key")
        run, behind = None, OneBehind()
        try:
            async for lines in portions:
                if run is None:
                    head = lines[0] if form.head(lines[0]) else None
                    run = await self._begin(form, head, origin=origin, key=key, dry=dry)
                    lines = lines[0 if head is None else 1 :]
                await self._take(run, lines, behind)
            await behind.settle()
        finally:
            await behind.leave()
        if run is None or not run.taken.seen:
            raise ApiError("missing_field", "a batch has at least one email", field="emails")
        return await self._end(run)

    async def _begin(self, form: Form, head: Line | None, *, origin: Origin, key: str | None, dry: bool) -> _Run:
        if (wrong := batches.check_shared(form.shared)) is not None:
            raise ApiError.of(wrong)
        batch = _batch(form, origin=origin, key=None if dry else key)
        before = None if dry else await self._before(batch.batch_id, origin=origin)
        taken = Taken(form.shared, head, before=before)
        if before is not None:
            earlier = await self._rejections.after(origin.tenant, batch.batch_id, -1, limit=SHOWN)
            taken.first = [one for one in earlier if one.index < before.count]
        return _Run(
            batch=batch,
            fact=batches.opened(
                form.shared, batch_id=batch.batch_id, tenant=origin.tenant, now=origin.now, cause=new_id()
            ),
            taken=taken,
            checking=Checking(batch, rules=self._rules, templates=self._templates),
            before=before,
            known=not dry and (before is not None or await self._is_known(batch.batch_id, origin=origin)),
            dry=dry,
            open=before is not None,
        )

    async def _before(self, batch_id: UUID, *, origin: Origin) -> Control | None:
        await self._controls.refresh()
        return self._controls.control(origin.tenant, "intake", str(batch_id))

    async def _is_known(self, batch_id: UUID, *, origin: Origin) -> bool:
        """Whether emails of the batch may have been acknowledged before; when nobody can say, they may."""
        try:
            return await self._facts.stream_of_batch(origin.tenant, batch_id) is not None or (
                self._known.recent(origin.tenant, batch_id) is not None
            )
        except ApiError:
            return True

    async def _take(self, run: _Run, lines: Sequence[Line], behind: OneBehind) -> None:
        fresh = run.taken.fresh(lines)
        if not fresh:
            return
        portion = await run.checking.portion(run.taken.count, fresh)
        run.taken.take(fresh, acknowledged=len(portion.accepted), refused=portion.refused)
        await behind.put(self._write(run, portion, run.taken.control(run.batch.batch_id, origin=run.batch.origin)))

    async def _write(self, run: _Run, portion: Portion, reached: Control) -> None:
        origin, batch_id = run.batch.origin, run.batch.batch_id
        async with self._writers:
            if portion.refused:
                await self._rejections.put(origin.tenant, batch_id, portion.start, portion.refused)
            if run.dry:
                return
            if portion.accepted:
                await self._open(run)
                await self._write_emails(run, portion)
            if run.open:
                await self._checkpoint(reached, origin=origin)

    async def _open(self, run: _Run) -> None:
        if not run.open:
            rate, origin = run.batch.form.shared.max_rate, run.batch.origin
            if rate is not None and run.before is None:
                await self._log.write([batches.rate_control(run.batch.batch_id, rate, origin=origin)])
            await self._log.write([record.fact(run.fact, origin=origin)])
            self._known.remember(run.batch.origin.tenant, {run.batch.batch_id: run.fact.stream})
            run.open = True

    async def _write_emails(self, run: _Run, portion: Portion) -> None:
        origin = run.batch.origin
        before = {}
        if run.known:
            hashes = {each.command.email_id: request_hash(each.command) for each in portion.accepted.values()}
            before = await repeated(self._known, hashes, portion.accepted, origin=origin)
        fresh = [each for each in portion.accepted.values() if each.command.email_id not in before]
        await self._blobs.put({name: part for each in fresh for name, part in each.large.items()})
        commands = await asyncio.to_thread(lambda: [record.command(each.command, origin=origin) for each in fresh])
        await self._log.write(commands)

    async def _checkpoint(self, reached: Control, *, origin: Origin) -> None:
        await self._log.write([record.last_value(CONTROLS.name, control_key(reached), reached, origin=origin)])

    async def _end(self, run: _Run) -> Outcome:
        taken, origin, batch_id = run.taken, run.batch.origin, run.batch.batch_id
        taken.end()
        if not taken.acknowledged:
            detail = f"no email of the batch can be sent; all of them: /v1/batches/{batch_id}/rejections"
            raise ApiError("content_missing", detail, errors=tuple(map(problem_of, taken.first)))
        if not run.dry and not (run.before is not None and run.before.closed):
            closed = batches.closed(run.fact, acknowledged=taken.acknowledged, refused=taken.refused, now=origin.now)
            await self._log.write([record.fact(closed, origin=origin)])
            await self._checkpoint(taken.control(batch_id, origin=origin, closed=True), origin=origin)
        receipt = StreamReceipt(
            batch_id=batch_id,
            acknowledged=taken.acknowledged,
            refused=taken.refused,
            resumed_from=run.before.count if run.before is not None else None,
            dry_run=run.dry,
            rejections=tuple(taken.first),
        )
        earlier = run.before.acknowledged if run.before is not None else 0
        return Outcome(receipt=receipt, fresh=0 if run.dry else taken.acknowledged - earlier)


def _batch(form: Form, *, origin: Origin, key: str | None) -> Batch:
    if key is None:
        return Batch(batch_id=new_id(), email_id=lambda _: new_id(), form=form, origin=origin)
    ids = partial(email_id_for, tenant=origin.tenant, operation="batches", key=key)
    batch_id = batch_id_for(tenant=origin.tenant, key=key)
    return Batch(batch_id=batch_id, email_id=lambda index: ids(line=index), form=form, origin=origin)
