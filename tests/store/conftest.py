"""A fresh database for each test: SQLite always, PostgreSQL too where VOICEBOT_TEST_POSTGRES names a server.

The variable holds the URL of a database in which this user may say CREATE DATABASE.
"""

import os
import uuid

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


@pytest.fixture
def database_url(empty_database_url):
    migration.upgrade(empty_database_url)
    return empty_database_url


@pytest.fixture
def store(database_url):
    opened = Store.open(database_url)
    yield opened
    opened.close()
