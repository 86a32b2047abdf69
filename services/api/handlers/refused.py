"""What was refused of a batch, page by page."""

from uuid import UUID

from services.api.domain.errors import ApiError
from services.api.domain.preferences import RejectionCursor, write_cursor
from services.api.domain.record import Origin
from services.api.domain.rejections import RejectionPage
from services.api.handlers.ports import Facts, Known, Rejections


class Refused:
    """Reads what the intake has kept; that a batch has none is known from the batch."""

    def __init__(self, *, rejections: Rejections, known: Known, facts: Facts) -> None:
        self._rejections = rejections
        self._known = known
        self._facts = facts

    async def page(
        self, batch_id: UUID, *, cursor: RejectionCursor | None, limit: int, origin: Origin
    ) -> RejectionPage:
        """Up to `limit` rejections after the cursor."""
        after = cursor.index if cursor is not None else -1
        found = await self._rejections.after(origin.tenant, batch_id, after, limit=limit + 1)
        if not found and cursor is None:
            await self._require(batch_id, origin=origin)
        more = len(found) > limit
        return RejectionPage(
            rejections=tuple(found[:limit]),
            next_cursor=write_cursor(RejectionCursor(found[limit - 1].index)) if more else None,
        )

    async def _require(self, batch_id: UUID, *, origin: Origin) -> None:
        recent = self._known.recent(origin.tenant, batch_id)
        if recent is None and await self._facts.stream_of_batch(origin.tenant, batch_id) is None:
            raise ApiError("not_found", "there is no such batch")
