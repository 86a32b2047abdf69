"""A portion of a streamed batch, checked: what is acceptable of it, and what is not."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from services.api.domain import batches
from services.api.domain.content import Prepared, to_command
from services.api.domain.forms import Form
from services.api.domain.lines import Line
from services.api.domain.record import Origin
from services.api.domain.rejections import Rejection, rejection
from services.api.handlers.emails import Rules, find_template
from services.api.handlers.ports import Templates
from shared.acceptance import Refusal
from shared.commands import SendEmail
from shared.ids import new_id
from shared.records import TemplateVersion

TEMPLATES_KEPT = 100  # of a batch that names many


@dataclass(frozen=True, kw_only=True)
class Portion:
    """Lines of which the first is email number `start`, counted from 0. `accepted` is by index."""

    start: int
    accepted: dict[int, Prepared]
    refused: tuple[Rejection, ...]


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Whose the portions are: its id, and the id of each email by its index."""

    batch_id: UUID
    email_id: Callable[[int], UUID]
    form: Form
    origin: Origin


class Checking:
    """Checks the portions of one batch, by the templates as they were when it first named them."""

    def __init__(self, batch: Batch, *, rules: Rules, templates: Templates) -> None:
        self._batch = batch
        self._rules = rules
        self._templates = templates
        self._found: dict[tuple[str | None, int | None], TemplateVersion | None] = {}
        self._shared = batches.shared(batch.form.shared)

    async def portion(self, start: int, lines: Sequence[Line]) -> Portion:
        """The lines, checked by all the rules."""
        asked = await asyncio.to_thread(self._read, start, lines)
        await self._find_templates(one for one in asked if isinstance(one, SendEmail))
        checked = await asyncio.to_thread(lambda: [self._check(one) for one in asked])
        numbered = list(enumerate(zip(lines, checked, strict=True), start))
        return Portion(
            start=start,
            accepted={index: one for index, (_, one) in numbered if isinstance(one, Prepared)},
            refused=tuple(
                rejection(one, line=line.number, index=index)
                for index, (line, one) in numbered
                if isinstance(one, Refusal)
            ),
        )

    def _read(self, start: int, lines: Iterable[Line]) -> list[SendEmail | Refusal]:
        return [self._command(index, line) for index, line in enumerate(lines, start)]

    def _command(self, index: int, line: Line) -> SendEmail | Refusal:
        batch = self._batch
        said = batch.form.email(line)
        if isinstance(said, Refusal):
            return said
        content = batches.content_of(self._shared, said, batch.form.shared.stream)
        if isinstance(content, Refusal):
            return content
        return to_command(
            content,
            email_id=batch.email_id(index),
            tenant=batch.origin.tenant,
            command_id=new_id(),
            batch_id=batch.batch_id,
        )

    async def _find_templates(self, commands: Iterable[SendEmail]) -> None:
        if len(self._found) > TEMPLATES_KEPT:
            self._found.clear()
        for command in commands:
            name = (command.template, command.template_version)
            if name not in self._found:
                self._found[name] = await find_template(self._templates, command)

    def _check(self, asked: SendEmail | Refusal) -> Prepared | Refusal:
        if isinstance(asked, Refusal):
            return asked
        template = self._found[asked.template, asked.template_version]
        return self._rules.prepare(asked, template=template, origin=self._batch.origin)
