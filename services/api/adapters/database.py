"""Postgres from asynchronous code: synchronous SQLAlchemy in a few threads, and quick refusal while it is away."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Concatenate, Final, ParamSpec, TypeVar

from psycopg.errors import InvalidSchemaName, UndefinedColumn, UndefinedTable
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from services.api.domain.errors import ApiError

P = ParamSpec("P")
T = TypeVar("T")
_MISSING: Final = (UndefinedTable, UndefinedColumn, InvalidSchemaName)
_PAUSE: Final = 1.0  # seconds after a failure in which nobody is made to wait for the next one


class Database:
    """Runs functions on a connection, in a transaction each. `away` says since when nothing was heard of it."""

    def __init__(self, engine: Engine, *, threads: int) -> None:
        self._engine = engine
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="database")
        self._failed_at = float("-inf")

    async def run(self, work: Callable[Concatenate[Connection, P], T], *arguments: P.args, **options: P.kwargs) -> T:
        """The result of `work(connection, …)`; raises ApiError `database_unavailable`."""
        if time.monotonic() - self._failed_at < _PAUSE:
            raise ApiError("database_unavailable", "the database did not answer a moment ago")

        def transact() -> T:
            with self._engine.begin() as connection:
                return work(connection, *arguments, **options)

        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, transact)
        except (OperationalError, InterfaceError, PoolTimeout) as error:
            self._failed_at = time.monotonic()
            raise ApiError("database_unavailable", "the database does not answer") from error
        except ProgrammingError as error:
            raise ApiError(
                "database_unavailable", "the database is not at this release: run `postlog migrate`"
            ) from error
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
            raise ApiError("database_unavailable", "the database went away") from error

    def close(self) -> None:
        """Close all connections."""
        self._threads.shutdown()
        self._engine.dispose()
