"""How far a campaign is: against what was put into the tables."""

from datetime import timedelta

import pytest
from sqlalchemy import event

from tests.campaign.seeing import NOW, START, Call, campaign, contact, gate, host, refused_row, trunk
from voicebot.campaign.fault import CampaignFault
from voicebot.campaign.progress import Refused, overview, progress


@pytest.fixture
def seen(store):
    campaign(store, contacts_accepted=9)
    for row in (2, 3, 4):
        contact(store, row, Call("acknowledged", ago=5, talk_s=20))
    contact(store, 5, Call("busy", ago=120), Call("busy", ago=9), state="waiting", due_in=20)
    contact(store, 6, state="waiting", due_in=-1)
    contact(store, 7, state="waiting", due_in=50)
    contact(store, 8, Call("", ago=1, talk_s=5, state="dialling"), state="admitted", outcome="")
    contact(store, 9, Call("", ago=60, state="unknown"), state="unknown")
    refused_row(store, 10, "number", "12345")
    late = contact(store, 11, state="refused", rule="do_not_call")
    gate(store, late, "do_not_call")
    gate(store, late, "gap", until=NOW)
    gate(store, late, "gap", until=NOW)
    campaign(store, "c2")
    contact(store, 2, Call("complaint", ago=2, talk_s=9), campaign="c2")
    host(store, "a", channels=4, busy=1)
    host(store, "silent", ago_s=40)
    host(store, "left", lost=True)
    trunk(store, failures=5, open_until=NOW + timedelta(minutes=1))
    return progress(store, "c1-warning", NOW)


def test_contacts_and_attempts_by_state(seen):
    expected = {"waiting": 3, "admitted": 1, "done": 3, "refused": 2, "unknown": 1, "cancelled": 0}
    assert seen.contacts == expected
    assert seen.attempts == {"queued": 0, "dialling": 1, "closed": 5, "unknown": 1, "refused": 0}
    assert (seen.remaining, seen.settled, seen.busy) == (4, 4, 1)


def test_calls_and_their_pace(seen):
    assert (seen.dials, seen.tally.dialled, seen.tally.connected, seen.tally.conversations) == (7, 7, 4, 3)
    assert seen.tally.outcomes == {"acknowledged": 3, "busy": 2}
    assert seen.recent_dials == 5  # 3 at 5 minutes, one at 9, one at 1; not those at 60 and 120
    assert seen.recent_per_minute == pytest.approx(0.5)
    assert seen.overall_per_minute == pytest.approx(7 / 240)


def test_who_waits_for_later(seen):
    assert seen.deferred == 2
    assert (seen.next_due, seen.last_due) == (NOW + timedelta(minutes=20), NOW + timedelta(minutes=50))


def test_what_rules_did(seen):
    assert set(seen.refused) == {Refused("number", 1, 0), Refused("do_not_call", 1, 1), Refused("gap", 0, 2)}
    assert seen.refused[-1].rule == "gap"


def test_hosts_at_work_and_the_trunk(seen):
    assert [(one.name, one.channels, one.busy) for one in seen.hosts] == [("a", 4, 1)]
    assert seen.trunk.is_open(NOW)
    assert not seen.trunk.is_open(NOW + timedelta(minutes=1))


def test_one_that_has_not_begun(store):
    campaign(store, state="draft", started_at=None)
    contact(store, 2, state="waiting")
    found = progress(store, "c1", NOW)
    assert (found.dials, found.recent_per_minute, found.overall_per_minute, found.refused) == (0, 0, 0, ())
    assert found.trunk.failures == 0
    assert not found.over


def test_one_that_is_over_keeps_its_pace(store):
    campaign(store, state="done", ended_at=START + timedelta(hours=2))
    contact(store, 2, Call("busy"))
    assert progress(store, "c1", NOW).overall_per_minute == pytest.approx(1 / 120)
    assert progress(store, "c1", NOW).over


def test_none_of_that_name(store):
    with pytest.raises(CampaignFault, match="campaign list"):
        progress(store, "nope", NOW)


def test_all_of_them(seen, store):
    assert {one.campaign.name: one.contacts["done"] for one in overview(store)} == {"c1-warning": 3, "c2-warning": 1}


def test_no_question_reads_a_table_from_end_to_end(store):
    """On SQLite, whose planner says so: a look at a million contacts goes through indexes."""
    if store.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL scans small tables whatever indexes there are")
    campaign(store)
    contact(store, 2, Call("busy", ago=2))
    asked = []
    event.listen(store.engine, "after_cursor_execute", lambda *given: asked.append(given[2:4]))
    progress(store, "c1", NOW)
    questions = [(text, values) for text, values in asked if text.startswith("SELECT") and "FROM hosts" not in text]
    assert len(questions) >= 8
    with store.reading() as connection:
        for text, values in questions:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", tuple(values)).fetchall()
            assert not [row[3] for row in plan if row[3].startswith("SCAN")], text
