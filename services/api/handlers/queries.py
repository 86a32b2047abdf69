"""Looking at what became of things: at once, or when what was done before is known (P10)."""

import time
from dataclasses import dataclass
from datetime import date
from typing import Generic, TypeVar
from uuid import UUID

from services.api.domain.answers import BatchView, EmailPage, EmailView, EventPage, Summary, SuppressionPage
from services.api.domain.filters import EmailFilter, EventFilter, SuppressionFilter
from services.api.domain.places import ASKED
from services.api.handlers.ports import Views
from services.api.handlers.waiting import CatchingUp, eventually
from shared.topics import REQUESTS

T = TypeVar("T")


@dataclass(frozen=True)
class Seen(Generic[T]):
    """What was found. `current`: it tells of all that had been done when it was asked for."""

    what: T
    current: bool


class Queries:
    """Answers queries; with `wait` more than 0 they take up to so many seconds to be current."""

    def __init__(self, views: Views, catching_up: CatchingUp) -> None:
        self._views = views
        self._catching_up = catching_up

    async def email(self, tenant: str, email_id: UUID, *, wait: float) -> Seen[EmailView | None]:
        """An email that exists by then. What is asked of one goes to one topic; the email itself may have another."""
        deadline = time.monotonic() + wait
        current = wait > 0 and await self._catching_up.wait([REQUESTS], about=email_id, seconds=wait)
        found = await eventually(lambda: self._views.email(tenant, email_id), seconds=deadline - time.monotonic())
        return Seen(found, current)

    async def events(self, wanted: EventFilter, *, wait: float) -> Seen[EventPage | None]:
        """A page of the facts about an email that exists by then."""
        deadline = time.monotonic() + wait
        current = wait > 0 and await self._catching_up.wait([REQUESTS], about=wanted.email_id, seconds=wait)
        found = await eventually(lambda: self._views.events(wanted), seconds=deadline - time.monotonic())
        return Seen(found, current)

    async def batch(self, tenant: str, batch_id: UUID, *, wait: float) -> Seen[BatchView | None]:
        """A batch that is closed by then, with all its emails in its counts, and paused or not as was asked."""
        deadline, found = time.monotonic() + wait, None
        current = wait > 0 and await self._catching_up.wait([], about=batch_id, seconds=wait)

        async def whole() -> bool | None:
            nonlocal found
            found = await self._views.batch(tenant, batch_id)
            return (found is not None and found.received == 0) or None

        all_of_it = await eventually(whole, seconds=deadline - time.monotonic())
        return Seen(found, current and all_of_it is True)

    async def emails(self, wanted: EmailFilter, *, wait: float) -> Seen[EmailPage]:
        """A page of emails."""
        current = wait > 0 and await self._catching_up.wait(ASKED, seconds=wait)
        return Seen(await self._views.emails(wanted), current)

    async def summary(self, tenant: str, *, by: str, since: date, until: date, wait: float) -> Seen[Summary]:
        """The summary report of a period, both days included."""
        current = wait > 0 and await self._catching_up.wait(ASKED, seconds=wait)
        return Seen(await self._views.summary(tenant, by=by, since=since, until=until), current)

    async def suppressions(self, wanted: SuppressionFilter, *, wait: float) -> Seen[SuppressionPage]:
        """A page of suppressions."""
        current = wait > 0 and await self._catching_up.wait([], seconds=wait)
        return Seen(await self._views.suppressions(wanted), current)
