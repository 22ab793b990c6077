"""Bringing a database to this program's tables: Alembic, run from the package, without an ini file."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, text

from voicebot.store.engine import READS, open_engine
from voicebot.store.fault import StoreFault, told_as_store_fault

_FOLDER: Final = Path(__file__).with_name("migrations")
_ADVISORY_LOCK: Final = 0x766F696365  # "voice"; any number, the same for all our processes


def head() -> str:
    """The revision that this program's tables are."""
    revision = ScriptDirectory(str(_FOLDER)).get_current_head()
    if revision is None:
        raise StoreFault("the package holds no migrations", permanent=True)
    return revision


def revision_of(engine: Engine) -> str:
    """The revision that a database is at, "" for an empty one. Raises `StoreFault`."""
    with told_as_store_fault(), engine.connect().execution_options(**{READS: True}) as connection:
        return MigrationContext.configure(connection).get_current_revision() or ""


def upgrade(database_url: str) -> str:
    """Bring a database to this program's tables, in one transaction, and give its revision. Several processes may ask
    at once. Raises `StoreFault`, permanent where a newer program has been at this database.
    """
    engine = open_engine(database_url)
    try:
        return upgrade_engine(engine)
    finally:
        engine.dispose()


def upgrade_engine(engine: Engine) -> str:
    """`upgrade` for an engine that is open already."""
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    with told_as_store_fault(), engine.begin() as connection:
        _alone(connection)
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise StoreFault(_newer(str(error)), permanent=True) from error
    return head()


def check(engine: Engine) -> None:
    """Refuse a database that is not at this program's revision: `StoreFault(permanent=True)` says what to do."""
    at = revision_of(engine)
    if at == head():
        return
    if at and at not in {script.revision for script in ScriptDirectory(str(_FOLDER)).walk_revisions()}:
        raise StoreFault(_newer(at), permanent=True)
    raise StoreFault(
        f"the database is {f'at revision {at}' if at else 'empty'}: run `voicebot db upgrade`", permanent=True
    )


def _alone(connection: Connection) -> None:
    """One process migrates, the others wait (on SQLite the writer's lock does that)."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})


def _newer(said: str) -> str:
    return f"the database was made by a newer program ({said}): use that one, or a copy of the database from before"
