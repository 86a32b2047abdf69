"""What PostgreSQL's errors mean to a projector: wait, do it again, or leave that record out."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors
from sqlalchemy.exc import DBAPIError, TimeoutError

from services.projector.handlers.ports import Conflict, Unavailable, Unstorable


@contextmanager
def translated() -> Iterator[None]:
    """Raise the port's errors for those of driver and pool; what has no such meaning is a bug and passes."""
    try:
        yield
    except DBAPIError as error:
        raise _meaning(error.orig) from error
    except (psycopg.Error, TimeoutError, OverflowError) as error:
        raise _meaning(error) from error


def _meaning(error: BaseException | None) -> BaseException:
    match error:
        case errors.UniqueViolation() | errors.DeadlockDetected() | errors.SerializationFailure():
            return Conflict(_said(error))
        case errors.UndefinedTable() | errors.UndefinedColumn() | errors.InvalidSchemaName():
            return Unavailable(f"{_said(error)}: run `postlog migrate`")
        case psycopg.DataError() | OverflowError():
            return Unstorable(_said(error))
        case psycopg.OperationalError() | psycopg.InterfaceError() | TimeoutError():
            return Unavailable(f"PostgreSQL (DATABASE_URL): {_said(error)}")
    return error or RuntimeError("an error of the database without a cause")


def _said(error: BaseException) -> str:
    return str(error).strip().split("\n", 1)[0]
