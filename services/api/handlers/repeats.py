"""Emails of a bulk request that were asked for before, under the same key."""

from collections.abc import Mapping
from uuid import UUID

from services.api.domain.content import Prepared
from services.api.domain.errors import ApiError, ItemProblem
from services.api.domain.record import Origin
from services.api.handlers.ports import Known


async def repeated(
    known: Known, hashes: Mapping[UUID, str], accepted: Mapping[int, Prepared], *, origin: Origin
) -> dict[UUID, str]:
    """Those known, with their request's hash; raises ApiError when one of them is not what it was."""
    before = await known.request_hashes(origin.tenant, hashes.keys())
    for index, each in accepted.items():
        email_id = each.command.email_id
        if before.get(email_id, hashes[email_id]) != hashes[email_id]:
            detail = "this key came with another body"
            problem = ItemProblem(code="idempotency_conflict", detail=detail, index=index)
            raise ApiError("idempotency_conflict", detail, field="Idempotency-Key", errors=(problem,))
    return before
