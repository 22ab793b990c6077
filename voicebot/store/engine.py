"""Opening a database: SQLite by default, PostgreSQL when one machine is too small, the same code above."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.pool import ConnectionPoolEntry

from voicebot.store.fault import StoreFault

if TYPE_CHECKING:
    import psycopg

BUSY_TIMEOUT_MS: Final = 30_000
# Execution option of a connection that will only read: on SQLite it then neither takes nor awaits the writer's lock.
READS: Final = "voicebot_reads"


def open_engine(database_url: str, *, busy_timeout_ms: int = BUSY_TIMEOUT_MS, durable: bool = False) -> Engine:
    """An engine for `sqlite:///<file>` or `postgresql://…`; no connection is made yet.

    `busy_timeout_ms`: how long SQLite waits for another writer; `durable`: what was committed is kept when the
    power fails, on SQLite too and on a PostgreSQL that is told not to wait (without, the last transactions may be gone,
    never half of one). Raises `StoreFault` for any other URL.
    """
    try:
        url = make_url(database_url)
    except ArgumentError:
        raise StoreFault(
            "the database URL cannot be read: sqlite:///<file> or postgresql://<user>@<host>/<name> is expected",
            permanent=True,
        ) from None
    kind = url.get_backend_name()
    if kind == "sqlite":
        # In memory, every process and every thread would have a database of its own.
        if not url.database or url.database == ":memory:" or url.query:
            raise StoreFault("the SQLite database needs a file: sqlite:///<file>", permanent=True)
        return _sqlite(url.database, busy_timeout_ms, durable=durable)
    if kind == "postgresql":
        try:
            engine = create_engine(url.set(drivername="postgresql+psycopg"), pool_pre_ping=True)
        except (ModuleNotFoundError, NoSuchModuleError):
            raise StoreFault(
                "PostgreSQL needs the package psycopg: pip install 'psycopg[binary]'", permanent=True
            ) from None
        except ArgumentError as error:
            raise StoreFault(f"the database URL cannot be used: {error}", permanent=True) from None
        if durable:
            event.listen(engine, "connect", _keep_commits)
        return engine
    raise StoreFault(f"databases are sqlite or postgresql, not {kind!r}", permanent=True)


def _keep_commits(connection: psycopg.Connection[Any], _entry: ConnectionPoolEntry) -> None:
    """With synchronous_commit=off a server that dies forgets the last second: a fence among it, and the call would be
    placed again (seen in a crash test). Waiting for more than the own disk, for a replica, is left as it is.
    """
    connection.execute(
        "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
    )
    connection.commit()


def _sqlite(file: str, busy_timeout_ms: int, *, durable: bool) -> Engine:
    """Python's own transaction handling and SQLite's late locks break under several processes: writers that begin as
    readers meet "database is locked" at once, whatever the timeout. So every transaction begins as a writer.

    Measured with DBOS: stock transactions broke its caps with two processes, these kept them exactly.
    """
    try:
        Path(file).absolute().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Clients' data: for the owner only. SQLite gives its -wal and -shm files the mode of this one.
        Path(file).touch(mode=0o600)
    except FileExistsError:  # what should be its folder is a file
        raise StoreFault(f"the database file {file}: not a directory", permanent=True) from None
    except OSError as error:
        said = (error.strerror or str(error)).lower()
        raise StoreFault(f"the database file {file}: {said}", permanent=True) from None
    engine = create_engine(f"sqlite:///{file}", connect_args={"timeout": busy_timeout_ms / 1000})

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={int(busy_timeout_ms)}")
        cursor.execute("PRAGMA foreign_keys=ON")
        _into_wal(cursor, busy_timeout_ms)
        cursor.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        reads = connection.get_execution_options().get(READS, False)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    return engine


def _into_wal(cursor: sqlite3.Cursor, busy_timeout_ms: int) -> None:
    """The change to WAL needs the file alone and does not wait by itself; it stays in the file once done."""
    deadline = time.monotonic() + busy_timeout_ms / 1000
    while True:
        try:
            if _pragma(cursor, "journal_mode") == "wal" or _pragma(cursor, "journal_mode=WAL") == "wal":
                return
            raise sqlite3.OperationalError("unable to open database file: its file system has no shared memory for WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) and "busy" not in str(error):
                raise
        if time.monotonic() > deadline:
            raise sqlite3.OperationalError("database is locked")
        time.sleep(0.02)


def _pragma(cursor: sqlite3.Cursor, text: str) -> Any:
    return cursor.execute(f"PRAGMA {text}").fetchone()[0]
