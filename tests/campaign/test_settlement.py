"""What a call's record, or its absence, makes of an attempt and its contact."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from tests.campaign.campaigns import NOW
from tests.campaign.dialling import (
    BOOT,
    POLICY,
    admitted,
    at_work,
    attempt,
    close,
    contact_of,
    dialled,
    fenced,
    running,
    states,
)  # fmt: skip
from voicebot import events
from voicebot.campaign import decisions, hosts, people
from voicebot.campaign.fence import put_back
from voicebot.campaign.gates import Refusal
from voicebot.campaign.plan import Plan
from voicebot.campaign.settlement import late, lose, orphans, settle, undo, unfollowed
from voicebot.store import tables
from voicebot.store.campaign_tables import attempts, campaigns, contacts
from voicebot.store.records import Lead

LATER = NOW + timedelta(minutes=2)


@pytest.fixture
def ringing(store):
    """(attempt, call) of a contact whose phone rings."""
    return ring(store)


def ring(store, plan=None):
    at_work(store)
    campaign = running(store, accepted=1, plan=plan)
    (attempt_id,) = admitted(store, campaign).attempts
    _, call_id = fenced(store, attempt_id)
    return attempt_id, call_id


@pytest.mark.parametrize(
    ("disposition", "cause", "code", "state", "soonest"),
    [
        ("acknowledged", "completed", 200, "done", None),
        ("do_not_call", "completed", 200, "done", None),
        ("empty_number", "wrong_number", 404, "done", None),
        ("busy", "busy", 486, "waiting", timedelta(minutes=30)),
        ("powered_off", "no_answer", 480, "waiting", timedelta(hours=4)),
        ("no_answer", "no_answer", 408, "waiting", timedelta(hours=3)),
    ],
)
def test_each_cause_has_its_own_next_step(store, ringing, disposition, cause, code, state, soonest):
    attempt_id, call_id = ringing
    record = close(store, call_id, disposition, cause=cause, code=code, answered=code == 200)
    assert settle(store, attempt_id, BOOT, record, POLICY, LATER) == disposition
    row, contact = attempt(store, attempt_id), contact_of(store, attempt_id)
    assert (row["state"], row["disposition"]) == ("closed", disposition)
    assert (contact["state"], contact["outcome"]) == (state, disposition)
    if soonest is not None:
        assert contact["due_at"] >= LATER + soonest


def test_a_wish_becomes_a_scheduled_attempt_and_nobody_else_need_call(store, ringing):
    attempt_id, call_id = ringing
    wish = NOW + timedelta(hours=3)
    lead = Lead("callback", "c1", "callback", 1, "B", "下午再打", "advisor", wish)
    talk = [events.Dialling(0, "sip:x@y"), events.Answered(0), events.Ended(9, "completed", 200)]
    record = store.close_call(call_id, [*talk, events.Concluded(9, "callback", "B")], lead)
    settle(store, attempt_id, BOOT, record, POLICY, LATER)
    contact = contact_of(store, attempt_id)
    assert (contact["state"], contact["due_at"], contact["wish_call_id"]) == ("waiting", wish, call_id)
    assert store.call(call_id).lead.status == "scheduled"
    campaign = replace_campaign(store)
    (again,) = admitted(store, campaign, wish).attempts
    assert attempt(store, again)["kind"] == "wish"


def replace_campaign(store):
    from voicebot.campaign import book

    with store.reading() as connection:
        return book.find(connection, "spring")


def test_a_wish_within_the_gap_is_kept_to_the_minute(store, ringing):
    attempt_id, call_id = ringing
    wish = NOW + timedelta(minutes=10)
    lead = Lead("callback", "c1", "callback", 1, "B", "十分钟后", "advisor", wish)
    talk = [events.Dialling(0, "sip:x@y"), events.Answered(0), events.Ended(9, "completed", 200)]
    record = store.close_call(call_id, [*talk, events.Concluded(9, "callback", "B")], lead)
    settle(store, attempt_id, BOOT, record, POLICY, LATER)
    assert len(admitted(store, replace_campaign(store), wish).attempts) == 1


def test_a_call_that_never_left_does_not_count(store, ringing):
    attempt_id, call_id = ringing
    record = close(store, call_id, "fault", cause="fault", code=0, rang=False, dialled=False)
    settle(store, attempt_id, BOOT, record, POLICY, LATER)
    contact = contact_of(store, attempt_id)
    assert (attempt(store, attempt_id)["rule"], contact["state"], contact["dials"]) == ("not_dialled", "waiting", 0)
    with store.reading() as connection:
        assert connection.execute(select(campaigns.c.dials)).scalar_one() == 0


def test_a_number_the_trunk_never_reaches_is_not_tried_for_ever(store):
    at_work(store)
    campaign = running(store, accepted=1, plan=Plan(dials=1))
    policy = POLICY.model_copy(update={"breaker": POLICY.breaker.model_copy(update={"failures": 99})})
    now, tried = NOW, 0
    while states(store) == ["waiting"]:
        (attempt_id,) = admitted(store, campaign, now).attempts
        contact = dialled(
            store, attempt_id, "unreachable", now, policy=policy, cause="unreachable", code=503, rang=False
        )
        now, tried = max(now + timedelta(minutes=5), contact["due_at"]), tried + 1
    assert (states(store), tried) == (["done"], 6)  # five for nothing, one that counts


@pytest.mark.parametrize(
    ("plan", "state"),
    [
        (Plan(unknown="ask"), "unknown"),
        (Plan(unknown="close"), "done"),
        (Plan(unknown="redial", redial_after="2h"), "waiting"),
    ],
)
def test_what_nobody_knows_goes_by_the_plan(store, plan, state):
    attempt_id, call_id = ring(store, plan)
    record = store.close_as_fault(call_id, "worker process died")
    assert settle(store, attempt_id, BOOT, record, POLICY, LATER) == "unknown"
    row, contact = attempt(store, attempt_id), contact_of(store, attempt_id)
    assert (row["state"], row["note"]) == ("unknown", "worker: worker process died")
    assert (contact["state"], contact["outcome"]) == (state, "unknown")
    if state == "waiting":
        assert contact["due_at"] == LATER + timedelta(hours=2)


def test_a_host_that_died_leaves_orphans_and_one_that_lives_does_not(store, ringing):
    attempt_id, call_id = ringing
    assert orphans(store) == []
    hosts.give_up_silent(store, NOW + timedelta(hours=1))
    (orphan,) = orphans(store)
    assert (orphan.attempt_id, orphan.call_id) == (attempt_id, call_id)
    assert lose(store, orphan, "host a is gone", POLICY, LATER)
    assert not lose(store, orphan, "host a is gone", POLICY, LATER)
    assert states(store) == ["unknown"]
    assert orphans(store) == []


def test_an_attempt_of_a_live_host_cannot_be_lost(store, ringing):
    hosts.give_up_silent(store, NOW + timedelta(hours=1))
    (orphan,) = orphans(store)
    at_work(store, now=LATER)
    assert not lose(store, orphan, "host a is gone", POLICY, LATER)
    assert attempt(store, ringing[0])["state"] == "dialling"


def test_a_record_that_comes_in_late_settles_what_was_unknown(store, ringing):
    attempt_id, call_id = ringing
    hosts.give_up_silent(store, NOW + timedelta(hours=1))
    lose(store, orphans(store)[0], "host a is gone", POLICY, LATER)
    assert late(store, 10) == []
    record = close(store, call_id, "acknowledged", answered=True)
    assert late(store, 10) == [(attempt_id, call_id)]
    assert settle(store, attempt_id, "", record, POLICY, LATER) == "acknowledged"
    assert (states(store), states(store, attempts)) == (["done"], ["closed"])
    assert late(store, 10) == []


def test_a_late_record_does_not_undo_what_a_person_decided(store, ringing):
    attempt_id, call_id = ringing
    people.add(store, "ann", ["operations"])
    store.close_as_fault(call_id, "worker process died")
    settle(store, attempt_id, BOOT, store.call(call_id), POLICY, LATER)
    decisions.decide(
        store, "spring", attempt_id, "close", "ann", "client was reached by hand", LATER, timedelta(days=1)
    )
    with store.writing() as connection:  # as if a host came back with the truth
        connection.execute(update(tables.calls).values(disposition="busy"))
    record = replace(store.call(call_id), disposition="busy", sip_cause="busy", sip_code=486)
    settle(store, attempt_id, BOOT, record, POLICY, LATER)
    assert contact_of(store, attempt_id)["state"] == "done"


def test_another_runs_token_settles_nothing(store, ringing):
    attempt_id, call_id = ringing
    record = close(store, call_id, "busy", cause="busy", code=486)
    assert settle(store, attempt_id, "boot-2", record, POLICY, LATER) == ""
    assert attempt(store, attempt_id)["state"] == "dialling"


def test_a_fence_that_may_have_gone_through_is_undone_by_who_knows_that_nothing_rang(store, ringing):
    attempt_id, call_id = ringing
    assert not undo(store, attempt_id, "boot-2", call_id, "lost connection", POLICY, LATER)
    assert undo(store, attempt_id, BOOT, call_id, "lost connection", POLICY, LATER)
    assert not undo(store, attempt_id, BOOT, call_id, "lost connection", POLICY, LATER)
    contact = contact_of(store, attempt_id)
    assert (contact["state"], contact["dials"], attempt(store, attempt_id)["rule"]) == ("waiting", 0, "not_dialled")


def test_what_did_not_ring_is_no_call_to_the_number(store, ringing):
    attempt_id, call_id = ringing
    undo(store, attempt_id, BOOT, call_id, "lost connection", POLICY, LATER)
    due = contact_of(store, attempt_id)["due_at"]
    assert len(admitted(store, replace_campaign(store), due).attempts) == 1  # no gap to be kept


def test_a_contact_of_a_cancelled_campaign_is_not_called_again(store, ringing):
    attempt_id, call_id = ringing
    with store.writing() as connection:
        connection.execute(update(campaigns).values(state="cancelled"))
    settle(store, attempt_id, BOOT, close(store, call_id, "busy", cause="busy", code=486), POLICY, LATER)
    with store.reading() as connection:
        assert connection.execute(select(contacts.c.state)).scalar_one() == "cancelled"


def test_what_a_live_host_dials_and_nobody_follows_is_found_after_a_while(store, ringing):
    attempt_id, call_id = ringing
    assert unfollowed(store, "a", BOOT, NOW) == []  # just now
    assert unfollowed(store, "a", BOOT, LATER) == [(attempt_id, call_id)]
    assert unfollowed(store, "a", "boot-2", LATER) == []  # another run's: an orphan
    settle(store, attempt_id, BOOT, close(store, call_id, "busy", cause="busy", code=486), POLICY, LATER)
    assert unfollowed(store, "a", BOOT, LATER) == []


def test_attempts_that_a_gate_put_off_use_up_none_of_the_trunks_free_failures(store):
    at_work(store)
    campaign = running(store, accepted=1, plan=Plan(dials=1))
    now = NOW
    for _ in range(8):  # put off again and again just before the INVITE
        (attempt_id,) = admitted(store, campaign, now).attempts
        put_back(store, attempt_id, Refusal("cannot_be_dialled", {}, now + timedelta(minutes=1)), now)
        now += timedelta(minutes=1)
    (attempt_id,) = admitted(store, campaign, now).attempts
    contact = dialled(store, attempt_id, "unreachable", now, cause="unreachable", code=503, rang=False)
    assert (contact["state"], contact["dials"]) == ("waiting", 0)
