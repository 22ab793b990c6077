"""Databases come to this program's tables by migrations, and what cannot be opened is refused in one line."""

import subprocess
import sys

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect

from voicebot import events
from voicebot.store import campaign_tables, migration, tables
from voicebot.store.engine import open_engine
from voicebot.store.fault import StoreFault
from voicebot.store.records import NewCall
from voicebot.store.store import Store


def test_the_migrations_make_the_tables(empty_database_url):
    assert migration.upgrade(empty_database_url) == migration.head()
    assert migration.upgrade(empty_database_url) == migration.head()  # nothing left to do
    engine = open_engine(empty_database_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, campaign_tables.metadata) == []
    assert set(tables.metadata.tables) <= set(inspect(engine).get_table_names())
    engine.dispose()


def test_the_turns_of_an_older_program_have_no_written_form(database_url):
    store = Store.open(database_url)
    store.create_call(NewCall("call-1", "margin_call", "1", "sip:a@b"))
    heard = events.Heard(900, "三点", 0.9, 0, 500, "3点")
    store.close_call("call-1", [heard, events.Concluded(1000, "callback", "C")])
    with store.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE turns DROP COLUMN written")
        _drop_campaigns(connection)
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    store.close()
    assert migration.upgrade(database_url) == migration.head()
    store = Store.open(database_url)
    assert [(turn.text, turn.written) for turn in store.call("call-1").turns] == [("三点", "")]
    store.close()


def test_sqlite_is_migrated_by_opening_it(tmp_path):
    file = tmp_path / "new" / "folder" / "record.db"
    Store.open(f"sqlite:///{file}").close()
    engine = open_engine(f"sqlite:///{file}")
    assert migration.revision_of(engine) == migration.head()
    with engine.connect() as connection:
        pragmas = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]
    assert pragmas == ["wal", 1, 1, 30_000]
    engine.dispose()


def test_postgresql_waits_for_the_command(empty_database_url):
    if empty_database_url.startswith("sqlite"):
        pytest.skip("SQLite is migrated by opening it")
    with pytest.raises(StoreFault, match="the database is empty: run `voicebot db upgrade`") as fault:
        Store.open(empty_database_url)
    assert fault.value.permanent


def test_a_newer_programs_database_is_left_alone(database_url):
    engine = open_engine(database_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'from-2031'")
    engine.dispose()
    for ask in (Store.open, migration.upgrade):
        with pytest.raises(StoreFault, match=r"made by a newer program \(.*from-2031") as fault:
            ask(database_url)
        assert fault.value.permanent


def test_a_failed_migration_leaves_nothing_behind(empty_database_url):
    engine = open_engine(empty_database_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE leads (x integer)")  # in the way of the fourth table
    with pytest.raises(StoreFault, match="leads") as fault:
        migration.upgrade(empty_database_url)
    assert "\n" not in str(fault.value)
    assert inspect(engine).get_table_names() == ["leads"]
    engine.dispose()


_OPENER = "import sys; from voicebot.store import migration; migration.upgrade(sys.argv[1])"


def test_processes_open_a_new_database_at_once(empty_database_url):
    running = [subprocess.Popen([sys.executable, "-c", _OPENER, empty_database_url]) for _ in range(2)]
    assert [process.wait(60) for process in running] == [0, 0]
    Store.open(empty_database_url).close()


def test_only_the_owner_may_read_the_database(tmp_path):
    store = Store.open(f"sqlite:///{tmp_path / 'var' / 'record.db'}")
    store.add_do_not_call("13800138000", "asked")
    modes = {file.name: file.stat().st_mode & 0o777 for file in (tmp_path / "var").iterdir()}
    assert modes == {"record.db": 0o600, "record.db-wal": 0o600, "record.db-shm": 0o600}
    assert (tmp_path / "var").stat().st_mode & 0o777 == 0o700
    store.close()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense", "the database URL cannot be read"),
        ("", "the database URL cannot be read"),
        ("mysql://host/db", "databases are sqlite or postgresql, not 'mysql'"),
        ("sqlite://", "the SQLite database needs a file"),
        ("sqlite:///:memory:", "the SQLite database needs a file"),
        ("sqlite:////dev/null/record.db", "the database file /dev/null/record.db: not a directory"),
        ("sqlite:////", "unable to open database file"),
    ],
)
def test_a_broken_url_is_a_permanent_fault(url, said):
    with pytest.raises(StoreFault) as fault:
        Store.open(url)
    assert said in str(fault.value)
    assert "\n" not in str(fault.value)
    assert fault.value.permanent


def test_a_file_that_is_no_database_is_a_permanent_fault(tmp_path):
    file = tmp_path / "record.db"
    file.write_text("姓名,号码\n" * 100, "utf-8")
    with pytest.raises(StoreFault, match="file is not a database") as fault:
        Store.open(f"sqlite:///{file}")
    assert fault.value.permanent


def test_a_server_that_is_away_may_come_back():
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    with pytest.raises(StoreFault) as fault:
        Store.open("postgresql://voicebot:hunter2@127.0.0.1:1/voicebot")
    assert not fault.value.permanent
    assert "hunter2" not in str(fault.value)
    assert "\n" not in str(fault.value)


def test_a_missing_driver_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreFault, match="PostgreSQL needs the package psycopg") as fault:
        Store.open("postgresql://127.0.0.1/voicebot")
    assert fault.value.permanent


def _drop_campaigns(connection):
    """What 0003 made, so that it can be made again."""
    names = {"people", "campaigns", "campaign_log", "contacts", "attempts", "gate_log"}
    names |= {"numbers", "trunks", "hosts", "leases"}
    cascade = " CASCADE" if connection.dialect.name == "postgresql" else ""
    for table in reversed(campaign_tables.metadata.sorted_tables):
        if table.name in names:
            connection.exec_driver_sql(f"DROP TABLE {table.name}{cascade}")
    if cascade:
        for table in ("campaign_log", "gate_log"):
            connection.exec_driver_sql(f"DROP FUNCTION {table}_append_only")
