"""A database that fences are kept in keeps what was committed, however it is configured."""

import pytest
from sqlalchemy import make_url

from voicebot.store.store import Store

OFF = "-c synchronous_commit=off"


@pytest.mark.parametrize(("durable", "kept"), [(True, {"2", "on"}), (False, {"1", "off"})])
def test_only_a_durable_store_waits_for_its_commits(database_url, durable, kept):
    postgresql = database_url.startswith("postgresql")
    url = make_url(database_url).update_query_dict({"options": OFF} if postgresql else {})
    store = Store.open(url.render_as_string(hide_password=False), durable=durable)
    asked = "SHOW synchronous_commit" if postgresql else "PRAGMA synchronous"
    with store.reading() as connection:
        assert str(connection.exec_driver_sql(asked).scalar_one()) in kept
    store.close()


def test_more_than_that_is_left_as_it_is(database_url):
    if not database_url.startswith("postgresql"):
        pytest.skip("SQLite has no replica to wait for")
    url = make_url(database_url).update_query_dict({"options": "-c synchronous_commit=remote_apply"})
    store = Store.open(url.render_as_string(hide_password=False), durable=True)
    with store.reading() as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar_one() == "remote_apply"
    store.close()
