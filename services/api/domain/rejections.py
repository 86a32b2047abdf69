"""What was refused of a streamed batch, and what the API answers to it."""

from uuid import UUID

from msgspec import Struct

from services.api.domain.errors import ItemProblem
from shared.acceptance import Refusal


class Rejection(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An email of a streamed batch that is not sent: `line` of the body from 1, `index` of its emails from 0."""

    line: int
    index: int
    code: str
    detail: str
    field: str | None = None


class StreamReceipt(Struct, frozen=True, kw_only=True):
    """A streamed batch that Kafka has acknowledged, or with `dry_run` one that was only checked.

    `rejections` are the first 1,000; all are at `GET /v1/batches/{batch_id}/rejections`. With `resumed_from` the first
    so many emails had been taken before, under the same key.
    """

    batch_id: UUID
    acknowledged: int
    refused: int
    resumed_from: int | None
    dry_run: bool
    rejections: tuple[Rejection, ...]


class RejectionPage(Struct, frozen=True, kw_only=True):
    """A page of rejections, in the order of the lines; ask again with `next_cursor` for the next."""

    rejections: tuple[Rejection, ...]
    next_cursor: str | None


def rejection(refusal: Refusal, *, line: int, index: int) -> Rejection:
    """The refusal of one line."""
    return Rejection(line=line, index=index, code=refusal.code, detail=refusal.detail, field=refusal.field)


def problem_of(one: Rejection) -> ItemProblem:
    """A rejection as an error of a problem document."""
    return ItemProblem(code=one.code, detail=f"line {one.line}: {one.detail}", field=one.field, index=one.index)
