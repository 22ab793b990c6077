"""Fixtures of all rooms that need the database: a fresh one for each test, SQLite always, PostgreSQL too where
VOICEBOT_TEST_POSTGRES names a server.

The variable holds the URL of a database in which this user may say CREATE DATABASE.
"""

import contextlib
import os
import shutil
import uuid

import pytest
from sqlalchemy import NullPool, create_engine, make_url

from voicebot.store import migration
from voicebot.store.store import Store

SERVER = os.environ.get("VOICEBOT_TEST_POSTGRES", "")
KINDS = ["sqlite", *(["postgresql"] if SERVER else [])]


@pytest.fixture(params=KINDS)
def empty_database_url(request, tmp_path):
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'var' / 'record.db'}"
        return
    with _made_database() as url:
        yield url


@contextlib.contextmanager
def _made_database(template="template1"):
    server = make_url(SERVER).set(drivername="postgresql+psycopg")
    name = f"voicebot_{uuid.uuid4().hex}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {template}")
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


@pytest.fixture(scope="session")
def template():
    """A migrated PostgreSQL database, to be copied: a third of the time of migrating for each test."""
    with _made_database() as url:
        migration.upgrade(url)
        yield make_url(url).database


@pytest.fixture(params=KINDS)
def database_url(request, tmp_path):
    if request.param == "sqlite":
        file = tmp_path / "var" / "record.db"
        file.parent.mkdir()
        shutil.copy(request.getfixturevalue("migrated"), file)
        yield f"sqlite:///{file}"
    else:
        with _made_database(request.getfixturevalue("template")) as url:
            yield url


@pytest.fixture
def store(database_url):
    opened = Store.open(database_url)
    yield opened
    opened.close()
