"""What was accepted before: the last ones in memory, older ones by the read models."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection
from typing import Final
from uuid import UUID

from services.api.domain.errors import ApiError

Lookup = Callable[[str, Collection[UUID]], Awaitable[dict[UUID, str]]]
_ROOM: Final = 100_000  # some 30 MB


class Acknowledged:
    """Recent ids with what is remembered of each, per tenant."""

    def __init__(self, lookup: Lookup, *, room: int = _ROOM) -> None:
        self._lookup = lookup
        self._room = room
        self._recent: OrderedDict[tuple[str, UUID], str] = OrderedDict()

    def remember(self, tenant: str, acknowledged: dict[UUID, str]) -> None:
        """These were acknowledged: emails with their request's hash, batches with their stream."""
        for subject, note in acknowledged.items():
            self._recent[tenant, subject] = note
            self._recent.move_to_end((tenant, subject))
        while len(self._recent) > self._room:
            self._recent.popitem(last=False)

    def recent(self, tenant: str, subject: UUID) -> str | None:
        """What was remembered of an email or batch, while it is recent."""
        return self._recent.get((tenant, subject))

    async def request_hashes(self, tenant: str, ids: Collection[UUID]) -> dict[UUID, str]:
        """The hashes of those that are known; fewer while the database is away, when the sender decides alone."""
        recent = {each: note for each in ids if (note := self.recent(tenant, each)) is not None}
        missing = [each for each in ids if each not in recent]
        if not missing:
            return recent
        try:
            return await self._lookup(tenant, missing) | recent
        except ApiError:
            return recent
