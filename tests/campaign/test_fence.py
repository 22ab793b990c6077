"""The fence: an attempt is dialled by one process, once, and only if every rule still allows it."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from tests.campaign.campaigns import FLOW, NOW, changed_flow
from tests.campaign.dialling import (
    BOOT,
    POLICY,
    TRUNK,
    admitted,
    at_work,
    attempt,
    call_of,
    close,
    contact_of,
    dialled,
    fenced,
    refusals,
    running,
    states,
)  # fmt: skip
from voicebot.campaign import book, hosts, life
from voicebot.campaign.fence import Fenced, Left, fence, handed_again, next_dial, task_of
from voicebot.campaign.plan import Plan
from voicebot.campaign.settlement import settle
from voicebot.store.campaign_tables import campaigns, contacts, trunks
from voicebot.store.fault import StoreFault
from voicebot.store.records import new_id
from voicebot.store.store import Store


@pytest.fixture
def ready(store):
    """(the campaign, an attempt of it that may be dialled)"""
    at_work(store)
    campaign = running(store, accepted=1)
    (attempt_id,) = admitted(store, campaign).attempts
    return campaign, attempt_id


def test_a_fenced_attempt_says_who_dials_it_and_has_its_call(store, ready):
    _, attempt_id = ready
    verdict, call_id = fenced(store, attempt_id)
    assert verdict == Fenced()
    row = attempt(store, attempt_id)
    assert (row["state"], row["host"], row["token"], row["fenced_at"]) == ("dialling", "a", BOOT, NOW)
    assert store.call(call_id).target == "sip:+8613800000001@sbc.example"
    assert contact_of(store, attempt_id)["dials"] == 1
    with store.reading() as connection:
        assert connection.execute(select(campaigns.c.dials)).scalar_one() == 1


def test_of_many_that_would_dial_one_does(store, database_url, ready):
    _, attempt_id = ready
    task = task_of(store, attempt_id)
    verdicts, barrier = [], threading.Barrier(6)

    def one():
        own = Store.open(database_url)
        call = call_of(task, call_id=new_id())
        barrier.wait()
        try:
            verdicts.append(fence(own, task, call, FLOW, POLICY, boot=BOOT, now=NOW))
        except StoreFault as fault:
            verdicts.append(fault)
        own.close()

    threads = [threading.Thread(target=one) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert verdicts.count(Fenced()) == 1
    assert len(store.open_calls()) == 1


def test_a_host_that_was_given_up_dials_nothing(store, ready):
    _, attempt_id = ready
    assert hosts.give_up_silent(store, NOW + timedelta(minutes=5)) == ["a"]
    verdict, call_id = fenced(store, attempt_id)
    assert verdict == Left("this host was given up", again=True)
    with pytest.raises(StoreFault, match="no such call"):
        store.call(call_id)


def test_another_run_of_the_host_dials_nothing_with_the_old_ones_token(store, ready):
    at_work(store, boot="boot-2", now=NOW + timedelta(seconds=1))
    verdict, _ = fenced(store, ready[1], boot=BOOT)
    assert isinstance(verdict, Left)
    assert states(store) == ["admitted"]


@pytest.mark.parametrize("state", ["paused", "draft", "done"])
def test_a_campaign_that_does_not_run_any_more_dials_nobody(store, ready, state):
    _, attempt_id = ready
    with store.writing() as connection:
        connection.execute(update(campaigns).values(state=state))
    verdict, _ = fenced(store, attempt_id)
    assert verdict == Left(f"campaign_{state}")
    assert states(store) == ["waiting"]  # and is dialled when it runs again
    assert attempt(store, attempt_id)["state"] == "refused"


def test_a_cancelled_campaign_takes_its_admitted_contacts_with_it(store, ready):
    _, attempt_id = ready
    with store.writing() as connection:
        connection.execute(update(campaigns).values(state="cancelled"))
    assert fenced(store, attempt_id)[0] == Left("campaign_cancelled")
    assert states(store) == ["cancelled"]


def test_a_script_that_changed_after_the_admission_is_not_spoken(store, ready):
    _, attempt_id = ready
    assert fenced(store, attempt_id, flow=changed_flow())[0] == Left("campaign_draft")
    with store.reading() as connection:
        assert life.still_approved(book.find(connection, "spring"), changed_flow()) != ""


def test_a_client_who_said_no_meanwhile_is_not_rung(store, ready):
    _, attempt_id = ready
    store.add_do_not_call("+86 138 0000 0001", "别再打了")
    assert fenced(store, attempt_id)[0] == Left("do_not_call")
    assert states(store) == ["refused"]
    assert [(stage, rule) for stage, rule, _ in refusals(store)] == [("dial", "do_not_call")]


def test_an_hour_that_ended_meanwhile_puts_the_call_off_to_the_next_opening(store, ready):
    _, attempt_id = ready
    evening = NOW + timedelta(hours=11, minutes=30)  # 21:30 in Shanghai
    at_work(store, boot=BOOT, now=evening)
    assert fenced(store, attempt_id, evening)[0] == Left("calling_hours")
    contact = contact_of(store, attempt_id)
    assert (contact["state"], contact["due_at"]) == ("waiting", NOW + timedelta(hours=23))  # 09:00


def test_two_campaigns_do_not_ring_one_number_within_the_gap(store):
    at_work(store)
    one, two = running(store, "one", accepted=1), running(store, "two", accepted=1)
    first, second = admitted(store, one).attempts + admitted(store, two).attempts
    assert fenced(store, first)[0] == Fenced()
    assert fenced(store, second)[0] == Left("gap")
    waits = contact_of(store, second)
    assert (waits["state"], waits["due_at"]) == ("waiting", NOW + timedelta(minutes=30))


def test_two_campaigns_at_the_same_moment_ring_one_number_once(store, database_url):
    at_work(store)
    campaigns_ = [running(store, f"c{n}", accepted=1) for n in range(4)]
    ids = [admitted(store, campaign).attempts[0] for campaign in campaigns_]
    verdicts, barrier = [], threading.Barrier(4)

    def one(attempt_id):
        own = Store.open(database_url)
        barrier.wait()
        verdicts.append(fenced(own, attempt_id)[0])
        own.close()

    threads = [threading.Thread(target=one, args=(attempt_id,)) for attempt_id in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(v.why if isinstance(v, Left) else "" for v in verdicts) == ["", "gap", "gap", "gap"]


def test_a_trunk_that_failed_is_left_alone_until_a_probe_is_answered(store):
    at_work(store)
    campaign = running(store, accepted=9, plan=Plan(channels=9))
    ids = list(admitted(store, campaign).attempts)
    for _ in range(POLICY.breaker.failures):
        contact = dialled(store, ids.pop(), "unreachable", cause="unreachable", code=503, rang=False)
        assert (contact["state"], contact["dials"]) == ("waiting", 0)  # nobody's phone rang: it does not count
    assert fenced(store, ids[0])[0] == Left("trunk_down")
    ids.pop(0)
    with store.reading() as connection:
        opens = connection.execute(select(trunks.c.open_until)).scalar_one()
    assert fenced(store, ids[0], opens)[0] == Fenced()  # the probe
    assert fenced(store, ids[1], opens)[0] == Left("trunk_down")  # while it rings
    record = close(store, attempt(store, ids[0])["call_id"], "busy", cause="busy", code=486)
    settle(store, ids[0], BOOT, record, POLICY, opens)
    with store.reading() as connection:
        assert connection.execute(select(trunks.c.open_until, trunks.c.failures)).one() == (None, 0)
    assert fenced(store, ids[2], opens)[0] == Fenced()


def test_calls_leave_a_trunk_one_after_the_other_for_all_hosts(store):
    places = [next_dial(store, TRUNK, NOW) for _ in range(4)]
    assert [(place - NOW) / timedelta(milliseconds=1) for place in places] == [0, 200, 400, 600]
    assert next_dial(store, TRUNK, NOW + timedelta(seconds=9)) == NOW + timedelta(seconds=9)


def test_an_attempt_is_handed_over_again_by_one_only(store, ready):
    _, attempt_id = ready
    assert handed_again(store, attempt_id, 1, NOW) == 2
    assert handed_again(store, attempt_id, 1, NOW) is None
    fenced(store, attempt_id)
    assert handed_again(store, attempt_id, 2, NOW) is None


def test_what_is_not_queued_is_no_task(store, ready):
    _, attempt_id = ready
    fenced(store, attempt_id)
    assert task_of(store, attempt_id) == Left("it is dialling already")
    assert task_of(store, "99:1") == Left("there is no such attempt")


def test_a_plan_of_one_dial_is_not_exceeded_by_a_contact_that_waits_again(store):
    at_work(store)
    campaign = running(store, accepted=1, plan=Plan(dials=1))
    (first,) = admitted(store, campaign).attempts
    assert dialled(store, first, "busy", cause="busy", code=486)["state"] == "done"
    with store.writing() as connection:
        connection.execute(update(contacts).values(state="waiting"))
    later = NOW + timedelta(hours=2)
    assert admitted(store, campaign, later).refused == {"attempts_spent": 1}
