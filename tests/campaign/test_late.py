"""A call's record that comes in after its attempt was called unknown: what is done stays done."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from tests.campaign.campaigns import NOW
from tests.campaign.dialling import BOOT, POLICY, admitted, at_work, attempt, close, contact_of, fenced, running
from voicebot.campaign import book, hosts
from voicebot.campaign.plan import Plan
from voicebot.campaign.settlement import late, lose, orphans, settle, undo
from voicebot.store.campaign_tables import campaigns

SOON = NOW + timedelta(minutes=1)
MUCH_LATER = NOW + timedelta(days=2)


@pytest.fixture
def lost(store):
    """`lost(plan)`: (attempt, call) of a call whose host was given up; the attempt is unknown."""

    def make(plan: Plan) -> tuple[str, str]:
        at_work(store)
        campaign = running(store, accepted=1, plan=plan)
        (attempt_id,) = admitted(store, campaign).attempts
        _, call_id = fenced(store, attempt_id)
        hosts.give_up_silent(store, SOON)
        (orphan,) = orphans(store)
        assert lose(store, orphan, "host a is gone", POLICY, SOON)
        return attempt_id, call_id

    return make


def settle_late(store, call_id, disposition="busy", **how):
    close(store, call_id, disposition, cause="busy", code=486, **how)
    ((attempt_id, late_call),) = late(store, 10)
    return settle(store, attempt_id, "", store.call(late_call), POLICY, SOON)


def dials(store):
    with store.reading() as connection:
        return connection.execute(select(campaigns.c.dials)).scalar_one()


def test_a_contact_closed_by_plan_stays_closed_and_its_campaign_over(store, lost):
    attempt_id, call_id = lost(Plan(unknown="close"))
    with store.writing() as connection:
        connection.execute(update(campaigns).values(state="done"))
    assert settle_late(store, call_id) == "busy"
    contact = contact_of(store, attempt_id)
    assert (contact["state"], contact["outcome"], contact["settled_at"]) == ("done", "busy", SOON)
    assert attempt(store, attempt_id)["state"] == "closed"


def test_a_contact_that_is_called_again_is_not_called_a_third_time_beside_it(store, lost):
    _, call_id = lost(Plan(unknown="redial"))
    with store.reading() as connection:
        campaign = connection.execute(select(campaigns.c.id)).scalar_one()
    at_work(store, now=MUCH_LATER)
    (again,) = admitted(store, _named(store, campaign), MUCH_LATER).attempts
    assert settle_late(store, call_id) == "busy"
    contact = contact_of(store, again)
    assert (contact["state"], contact["attempts"]) == ("admitted", 2)
    assert admitted(store, _named(store, campaign), MUCH_LATER + timedelta(days=1)).attempts == ()


def test_a_contact_that_waits_for_a_word_goes_by_it(store, lost):
    attempt_id, call_id = lost(Plan(unknown="ask"))
    assert settle_late(store, call_id) == "busy"
    contact = contact_of(store, attempt_id)
    assert (contact["state"], contact["outcome"]) == ("waiting", "busy")


@pytest.mark.parametrize(("unknown", "state"), [("close", "done"), ("redial", "waiting"), ("ask", "waiting")])
def test_a_call_that_was_not_placed_counts_for_nobody_and_reopens_nothing(store, lost, unknown, state):
    attempt_id, call_id = lost(Plan(unknown=unknown))
    assert undo(store, attempt_id, BOOT, call_id, "the fence failed", POLICY, SOON)
    contact = contact_of(store, attempt_id)
    assert (contact["state"], contact["dials"], dials(store)) == (state, 0, 0)


def test_nobody_waits_in_a_cancelled_campaign_for_a_call_that_was_not_placed(store):
    at_work(store)
    campaign = running(store, accepted=1)
    (attempt_id,) = admitted(store, campaign).attempts
    _, call_id = fenced(store, attempt_id)
    with store.writing() as connection:
        connection.execute(update(campaigns).values(state="cancelled"))
    assert undo(store, attempt_id, BOOT, call_id, "the fence failed", POLICY, SOON)
    assert contact_of(store, attempt_id)["state"] == "cancelled"


def _named(store, campaign_id):
    with store.reading() as connection:
        return book.find(connection, campaign_id)
