"""Queries of the read models: each in one snapshot of whichever schema is live."""

from collections.abc import Callable, Collection
from datetime import date
from typing import Concatenate, ParamSpec, TypeVar
from uuid import UUID

from sqlalchemy import Connection, select, text

from services.api.adapters import batch_queries, email_queries, queue_queries
from services.api.adapters.database import Database
from services.api.domain.answers import BatchView, EmailPage, EmailView, EventPage, Position, Summary, SuppressionPage
from services.api.domain.destinations import Waiting
from services.api.domain.errors import ApiError
from services.api.domain.filters import EmailFilter, EventFilter, SuppressionFilter
from services.api.domain.places import Offsets
from shared.db import state
from shared.events import Event

P = ParamSpec("P")
T = TypeVar("T")


class ReadModels:
    """What the API asks of the read models; every method raises ApiError `database_unavailable` while they are away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def email(self, tenant: str, email_id: UUID) -> EmailView | None:
        """An email with its timeline."""
        return await self._ask(email_queries.one, tenant, email_id)

    async def emails(self, wanted: EmailFilter) -> EmailPage:
        """A page of emails."""
        return await self._ask(email_queries.page, wanted)

    async def events(self, wanted: EventFilter) -> EventPage | None:
        """A page of an email's facts; None when there is no such email."""
        return await self._ask(email_queries.facts, wanted)

    async def status_of_email(self, tenant: str, email_id: UUID) -> str | None:
        """The status of an email that is known."""
        return await self._ask(email_queries.status_of, tenant, email_id)

    async def request_hashes(self, tenant: str, ids: Collection[UUID]) -> dict[UUID, str]:
        """The hashes of the requests that are known."""
        return await self._ask(email_queries.request_hashes, tenant, ids)

    async def caused_by(self, tenant: str, email_id: UUID, cause: UUID) -> Event | None:
        """The fact that answers a command on an email."""
        return await self._ask(email_queries.caused_by, tenant, email_id, cause)

    async def batch(self, tenant: str, batch_id: UUID) -> BatchView | None:
        """A batch with its counts."""
        return await self._ask(batch_queries.one, tenant, batch_id)

    async def stream_of_batch(self, tenant: str, batch_id: UUID) -> str | None:
        """The stream of a batch that is known."""
        return await self._ask(batch_queries.stream_of, tenant, batch_id)

    async def summary(self, tenant: str, *, by: str, since: date, until: date) -> Summary:
        """The summary report of a period, both days included."""
        return await self._ask(batch_queries.summary, tenant, by, since, until)

    async def waiting(
        self, tenant: str | None, *, destination: str | None, limit: int
    ) -> tuple[list[Waiting], Position]:
        """Open emails by destination, the oldest first; of all tenants when `tenant` is None."""
        return await self._ask(queue_queries.waiting, tenant, destination, limit)

    async def suppressions(self, wanted: SuppressionFilter) -> SuppressionPage:
        """A page of suppressions."""
        return await self._ask(batch_queries.list_suppressions, wanted)

    async def projected(self) -> Offsets:
        """Up to where the read models know the log."""
        return await self._ask(batch_queries.reached)

    async def _ask(self, query: Callable[Concatenate[Connection, P], T], *arguments: P.args, **options: P.kwargs) -> T:
        def ask(connection: Connection) -> T:
            _snapshot(connection)
            return query(connection, *arguments, **options)

        return await self._database.run(ask)


def _snapshot(connection: Connection) -> None:
    """One snapshot for the whole transaction, and the live schema in front, by the pointer as it stood then."""
    connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
    live = connection.execute(select(state.read_models.c.live)).scalar_one_or_none()
    if live is None:
        raise ApiError("database_unavailable", "there are no read models yet: the projector makes them")
    connection.execute(select(text("set_config('search_path', :live, true)")).params(live=live))
