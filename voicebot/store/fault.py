"""The one root of this package's exceptions, and how the database's own become it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import (
    DBAPIError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    ProgrammingError,
    SQLAlchemyError,
)
from sqlalchemy.exc import (
    TimeoutError as PoolTimeout,
)

# What SQLite and PostgreSQL say, as OperationalError, about things that waiting does not mend.
_HOPELESS = (
    "unable to open database file",
    "no such table",
    "no such column",
    "readonly database",
    "authentication failed",
    "does not exist",
    "no password supplied",
)


class StoreFault(Exception):
    """The record could not be read or written. `permanent`: trying the same again cannot help (a broken URL, an unknown
    call); otherwise it may (a lock, a full disk, a server that is away).
    """

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent


@contextmanager
def told_as_store_fault() -> Iterator[None]:
    """Turn what SQLAlchemy raises into a `StoreFault` of one line, without statements or values in it."""
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeout) as error:
        said = _line(error)
        raise StoreFault(f"database: {said}", permanent=any(part in said for part in _HOPELESS)) from error
    except (IntegrityError, ProgrammingError) as error:
        raise StoreFault(f"database: {_line(error)}", permanent=True) from error
    except DBAPIError as error:
        raise StoreFault(f"database: {_line(error)}", permanent=not error.connection_invalidated) from error
    except SQLAlchemyError as error:
        raise StoreFault(f"database: {_line(error)}", permanent=True) from error


def _line(error: SQLAlchemyError) -> str:
    said = str(error.orig) if isinstance(error, DBAPIError) else str(error)
    return next((line.strip() for line in said.splitlines() if line.strip()), type(error).__name__)
