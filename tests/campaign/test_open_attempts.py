"""What is not over is found without a look at what is."""

import pytest
from sqlalchemy import event, insert, select

from tests.campaign.campaigns import NOW
from tests.campaign.dialling import admitted, at_work, attempt, fenced, running
from voicebot.campaign.admission import OPEN
from voicebot.campaign.settlement import late, orphans
from voicebot.campaign.trunks import Trunk
from voicebot.store.campaign_tables import attempts


def found(store, *states):
    with store.reading() as connection:
        query = select(attempts.c.id).where(attempts.c.state.in_(states)).order_by(attempts.c.id)
        return list(connection.execute(query).scalars())


def test_attempts_of_all_trunks_are_found_by_their_state(store):
    at_work(store)
    assert found(store, *OPEN) == []
    admitted(store, running(store, "spring"))
    other = running(store, "autumn", accepted=1)
    admitted(store, other, trunk=Trunk(name="other", channels=4))
    fenced(store, "2:1")
    row = dict(attempt(store, "4:1"))
    with store.writing() as connection:
        # As it stands when a plan names another trunk: the trunk's row is there since the admission.
        connection.execute(attempts.update().where(attempts.c.id == "4:1").values(trunk="other"))
        connection.execute(insert(attempts), {**row, "id": "4:2", "n": 2, "state": "closed"})
    assert found(store, *OPEN) == ["1:1", "2:1", "3:1", "4:1"]
    assert found(store, "dialling") == ["2:1"]
    assert found(store, "closed") == ["4:2"]


@pytest.mark.parametrize("ask", [orphans, lambda store: late(store, 10), lambda store: found(store, *OPEN)])
def test_an_index_leads_to_them(store, ask):
    if store.engine.dialect.name != "sqlite":
        pytest.skip("what PostgreSQL does depends on how full its tables are; `voicebot bench campaign` measures it")
    admitted(store, running(store), NOW)
    asked = []

    @event.listens_for(store.engine, "before_cursor_execute")
    def note(_connection, _cursor, statement, parameters, _context, _many):
        asked.append((statement, parameters))

    ask(store)
    event.remove(store.engine, "before_cursor_execute", note)
    (query,) = [(statement, given) for statement, given in asked if "FROM attempts" in statement]
    with store.engine.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query[0]}", query[1]).all()
    (step,) = [row[-1] for row in plan if "attempts" in row[-1]]
    assert "USING" in step and "INDEX ix_attempts_state (state=?)" in step
