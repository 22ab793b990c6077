"""Fixtures of all rooms that need the database: a fresh one for each test, SQLite always, PostgreSQL too where
VOICEBOT_TEST_POSTGRES names a server.

The variable holds the URL of a database in which this user may say CREATE DATABASE.
"""

import os
import shutil
import uuid
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url

from voicebot.store import migration
from voicebot.store.store import Store

SERVER = os.environ.get("VOICEBOT_TEST_POSTGRES", "")
KINDS = ["sqlite", *(["postgresql"] if SERVER else [])]


@pytest.fixture(params=KINDS)
def empty_database_url(request, tmp_path):
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'var' / 'record.db'}"
        return
    server = make_url(SERVER).set(drivername="postgresql+psycopg")
    name = f"voicebot_{uuid.uuid4().hex}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    yield make_url(SERVER).set(database=name).render_as_string(hide_password=False)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    engine.dispose()


@pytest.fixture(scope="session")
def migrated(tmp_path_factory):
    """A migrated SQLite file, to be copied: cheaper than migrating for each test."""
    file = tmp_path_factory.mktemp("migrated") / "record.db"
    migration.upgrade(f"sqlite:///{file}")
    return file


@pytest.fixture
def database_url(empty_database_url, migrated):
    file = make_url(empty_database_url).database
    if empty_database_url.startswith("sqlite"):
        Path(file).parent.mkdir()
        shutil.copy(migrated, file)
    else:
        migration.upgrade(empty_database_url)
    return empty_database_url


@pytest.fixture
def store(database_url):
    opened = Store.open(database_url)
    yield opened
    opened.close()
