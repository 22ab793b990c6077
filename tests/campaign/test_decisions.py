import threading
from datetime import timedelta

import pytest
from sqlalchemy import insert, select, update

from tests.campaign.campaigns import NOW, add_staff, make
from voicebot.campaign import book, decisions
from voicebot.campaign.decisions import decide, unknown_of
from voicebot.campaign.fault import CampaignFault
from voicebot.campaign.plan import Plan
from voicebot.store.campaign_tables import attempts, campaigns, contacts

LATER = NOW + timedelta(hours=3)


@pytest.fixture
def uncertain(store):
    """Rows 1 and 2 have an attempt of which nobody knows; row 3 waits."""
    add_staff(store)
    make(store, state="running", plan=Plan(redial_after="2h"))
    with store.writing() as connection:
        for row in (2, 1):
            contact = connection.execute(select(contacts.c.id).where(contacts.c.row == row)).scalar_one()
            add_attempt(connection, contact)
            mine = update(contacts).where(contacts.c.id == contact)
            connection.execute(mine.values(state="unknown", outcome="unknown", attempts=1, dials=1))
    return store


def add_attempt(connection, contact, **values):
    given = {
        "id": f"{contact}:1",
        "campaign_id": "id-spring",
        "contact_id": contact,
        "n": 1,
        "kind": "first",
        "number": "+8613800000002",
        "trunk": "default",
        "state": "unknown",
        "queued_at": NOW,
        "handed": 1,
        "handed_at": NOW,
        "host": "h1",
        "token": "t",
        "fenced_at": NOW,
        "call_id": f"call-{contact}",
        "closed_at": NOW,
        "disposition": "unknown",
        "rule": "",
        "evidence": {},
        "decided_by": "",
        "note": "host h1 is gone",
    }
    connection.execute(insert(attempts).values({**given, **values}))


def campaign_of(store):
    with store.reading() as connection:
        return book.find(connection, "spring")


def row_of(store, table, *where):
    with store.reading() as connection:
        return connection.execute(select(table).where(*where)).mappings().one()


def log_of(store):
    with store.reading() as connection:
        return book.log_of(connection, "id-spring")


def test_what_is_uncertain_is_listed_in_order_and_masked(uncertain):
    found = unknown_of(uncertain, campaign_of(uncertain))
    assert [(u.row, u.ref, u.host, u.note) for u in found] == [
        (1, "c1", "h1", "host h1 is gone"),
        (2, "c2", "h1", "host h1 is gone"),
    ]
    assert {u.number for u in found} == {"138****0002"}
    assert all(u.fenced_at == NOW and u.attempt_id == f"{u.contact_id}:1" for u in found)


@pytest.mark.parametrize("by_attempt", [False, True])
@pytest.mark.parametrize("after", [None, timedelta(minutes=10)])
def test_redial(uncertain, by_attempt, after):
    first = unknown_of(uncertain, campaign_of(uncertain))[0]
    which = first.attempt_id if by_attempt else 1
    assert decide(uncertain, "spring", which, "redial", "su", "the line was silent", LATER, after) == first
    contact = row_of(uncertain, contacts, contacts.c.row == 1)
    # By its outcome the next attempt is known as a redial.
    assert (contact["state"], contact["outcome"], contact["settled_at"]) == ("waiting", "unknown", None)
    assert contact["due_at"] == LATER + (after or timedelta(hours=2))
    attempt = row_of(uncertain, attempts, attempts.c.id == first.attempt_id)
    assert (attempt["state"], attempt["decided_by"]) == ("unknown", "su")
    assert attempt["note"] == "host h1 is gone; redial: the line was silent"
    entry = log_of(uncertain)[-1]
    assert (entry.who, entry.change, entry.why) == ("su", "decided", "the line was silent")
    assert entry.data == {"attempt": first.attempt_id, "row": 1, "choice": "redial"}
    assert [u.row for u in unknown_of(uncertain, campaign_of(uncertain))] == [2]


@pytest.mark.parametrize("state", ["running", "paused", "cancelled", "draft"])
def test_close(uncertain, state):
    with uncertain.writing() as connection:
        connection.execute(update(campaigns).values(state=state))
    decide(uncertain, "spring", 2, "close", "ann", "he said so himself", LATER)
    contact = row_of(uncertain, contacts, contacts.c.row == 2)
    assert (contact["state"], contact["outcome"], contact["settled_at"]) == ("done", "unknown", LATER)


@pytest.mark.parametrize("who", ["cy", "adv", "nobody"])
def test_only_operations_and_supervisors_decide(uncertain, who):
    with pytest.raises(CampaignFault, match=who):
        decide(uncertain, "spring", 1, "close", who, "because", LATER)
    assert len(unknown_of(uncertain, campaign_of(uncertain))) == 2


@pytest.mark.parametrize("which", [3, 99, "77:1", "id"])
def test_what_is_certain_is_not_decided(uncertain, which):
    with pytest.raises(CampaignFault, match="nothing is to be decided"):
        decide(uncertain, "spring", which, "close", "su", "because", LATER)


def test_a_decision_needs_its_reason(uncertain):
    with pytest.raises(CampaignFault, match="--why"):
        decide(uncertain, "spring", 1, "close", "su", " ", LATER)


def test_a_cancelled_campaign_calls_nobody_again(uncertain):
    with uncertain.writing() as connection:
        connection.execute(update(campaigns).values(state="cancelled"))
    with pytest.raises(CampaignFault, match="`close` is left"):
        decide(uncertain, "spring", 1, "redial", "su", "because", LATER)


def test_a_record_that_came_in_after_all_is_the_answer(uncertain):
    with uncertain.writing() as connection:
        connection.execute(update(attempts).values(state="closed"))
        connection.execute(update(contacts).values(state="done"))
    with pytest.raises(CampaignFault, match="nothing is to be decided"):
        decide(uncertain, "spring", 1, "redial", "su", "because", LATER)


def test_only_the_last_attempt_of_a_contact_is_to_be_decided(uncertain):
    with uncertain.writing() as connection:
        contact = connection.execute(select(contacts.c.id).where(contacts.c.row == 1)).scalar_one()
        add_attempt(connection, contact, id=f"{contact}:2", n=2, kind="redial")
        connection.execute(update(contacts).where(contacts.c.id == contact).values(attempts=2, dials=2))
    assert [u.attempt_id for u in unknown_of(uncertain, campaign_of(uncertain)) if u.row == 1] == [f"{contact}:2"]


def test_of_two_decisions_at_once_one_counts(uncertain):
    both = threading.Barrier(2)
    ended = []

    def act(choice):
        both.wait()
        try:
            decide(uncertain, "spring", 1, choice, "su", "because", LATER)
            ended.append(choice)
        except CampaignFault:
            ended.append("")

    threads = [threading.Thread(target=act, args=(choice,)) for choice in decisions.CHOICES]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [won] = filter(None, ended)
    assert [entry.data["choice"] for entry in log_of(uncertain) if entry.change == "decided"] == [won]
    assert row_of(uncertain, contacts, contacts.c.row == 1)["state"] == {"redial": "waiting", "close": "done"}[won]
