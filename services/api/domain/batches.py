"""A bulk request: content shared once, emails that differ in the rest."""

from dataclasses import dataclass
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from services.api.domain.content import decode_content, refuse_blobs
from services.api.domain.record import Origin, Record, last_value
from shared.acceptance import Refusal, from_decode_error
from shared.acceptance.limits import MAX_REFERENCE, MAX_TAG, MAX_TAGS
from shared.acceptance.refusal import Refused
from shared.acceptance.texts import require_clean, require_few
from shared.commands import Content
from shared.events import BatchClosed, BatchOpened
from shared.events.envelope import Stream
from shared.ids import event_id_for
from shared.records import Control, control_key
from shared.topics import CONTROLS

MAX_EMAILS: Final = 1000
MaxRate = Annotated[float, Meta(gt=0, le=1_000_000)]
_MERGED: Final = ("variables", "headers", "metadata")


class BatchRequest(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Up to 1,000 emails. Each member of `emails` says what differs from `defaults`; both have the members of Content.

    An email's `variables`, `headers` and `metadata` are added to those of the defaults, all else replaces them.
    `stream` is the whole batch's; `tags` are the batch's own, and those of each email that brings none.
    `max_rate`: at most so many of its emails a second go, over all senders.
    """

    emails: list[dict[str, Any]]
    defaults: dict[str, Any] = {}
    stream: Stream = "transactional"
    tags: tuple[str, ...] = ()
    reference: str | None = None
    max_rate: MaxRate | None = None


class BatchRateRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many emails a second of the batch all senders together hand out at most; null: as fast as it goes."""

    max_rate: MaxRate | None


@dataclass(frozen=True)
class Item:
    """One line of a batch, readable or not."""

    index: int
    content: Content | Refusal


def check(request: BatchRequest) -> Refusal | None:
    """What is wrong with the batch as a whole."""
    if not request.emails:
        return Refusal("missing_field", "emails", "a batch has at least one email")
    try:
        require_few(len(request.emails), field="emails", most=MAX_EMAILS)
    except Refused as refused:
        return refused.refusal
    return check_shared(request)


def check_shared(request: BatchRequest) -> Refusal | None:
    """What is wrong with all that its emails share."""
    try:
        require_few(len(request.tags), field="tags", most=MAX_TAGS)
        for number, tag in enumerate(request.tags):
            require_clean(tag, field=f"tags[{number}]", longest=MAX_TAG)
        require_clean(request.reference, field="reference", longest=MAX_REFERENCE)
        require_clean(template_of(request), field="defaults.template", longest=64)
    except Refused as refused:
        return refused.refusal
    return None


def items(request: BatchRequest) -> list[Item]:
    """Each email as a whole, or why it is none."""
    whole = shared(request)
    return [Item(index, content_of(whole, email, request.stream)) for index, email in enumerate(request.emails)]


def shared(request: BatchRequest) -> dict[str, Any]:
    """What each email says unless it says otherwise."""
    return {"tags": list(request.tags), **request.defaults}


def template_of(request: BatchRequest) -> str | None:
    """The template that the emails share."""
    found = request.defaults.get("template")
    return found if isinstance(found, str) else None


def opened(request: BatchRequest, *, batch_id: UUID, tenant: str, now: Any, cause: UUID) -> BatchOpened:
    """The fact that a bulk request began to be read; the same again when it is asked again."""
    return BatchOpened(
        event_id=event_id_for(subject=batch_id, kind="email.batch.opened"),
        occurred_at=now,
        tenant=tenant,
        causation_id=cause,
        batch_id=batch_id,
        stream=request.stream,
        template=template_of(request),
        tags=request.tags,
        reference=request.reference,
    )


def rate_control(batch_id: UUID, rate: float | None, *, origin: Origin) -> Record:
    """The control that limits the rate of a batch, or with None its end."""
    control = Control(tenant=origin.tenant, kind="rate", name=str(batch_id), rate=rate, by=origin.by, at=origin.now)
    return last_value(CONTROLS.name, control_key(control), None if rate is None else control, origin=origin)


def closed(fact: BatchOpened, *, acknowledged: int, refused: int, now: Any) -> BatchClosed:
    """The fact that all of it was read, with what was durably accepted."""
    return BatchClosed(
        event_id=event_id_for(subject=fact.batch_id, kind="email.batch.closed"),
        occurred_at=now,
        tenant=fact.tenant,
        causation_id=fact.causation_id,
        batch_id=fact.batch_id,
        stream=fact.stream,
        acknowledged=acknowledged,
        refused=refused,
    )


def content_of(shared: dict[str, Any], email: dict[str, Any], stream: Stream) -> Content | Refusal:
    """An email as a whole, or why it is none."""
    if email.get("stream", stream) != stream or shared.get("stream", stream) != stream:
        return Refusal("content_conflict", "stream", "the stream is the whole batch's")
    try:
        content = decode_content(_merge(shared, email) | {"stream": stream})
    except (msgspec.ValidationError, RecursionError) as error:
        return from_decode_error(error)
    return refuse_blobs(content) or content


def _merge(shared: dict[str, Any], email: dict[str, Any]) -> dict[str, Any]:
    both = shared | email
    for name in _MERGED:
        if isinstance(shared.get(name), dict) and isinstance(email.get(name), dict):
            both[name] = shared[name] | email[name]
    return both
