"""Who is admitted, how many, and what becomes of those who are not."""

import threading
from datetime import timedelta

from sqlalchemy import update

from tests.campaign.campaigns import NOW, changed_flow
from tests.campaign.dialling import POLICY, TRUNK, admitted, dialled, refusals, running, states
from voicebot.campaign import book
from voicebot.campaign.plan import Plan
from voicebot.campaign.settlement import settle
from voicebot.store.campaign_tables import attempts, campaigns, contacts


def test_what_is_due_is_admitted_up_to_the_campaigns_own_limit(store):
    campaign = running(store, accepted=6, plan=Plan(channels=4))
    first = admitted(store, campaign)
    assert len(first.attempts) == 4
    assert states(store) == ["admitted"] * 4 + ["waiting"] * 2
    assert states(store, attempts) == ["queued"] * 4
    assert admitted(store, campaign).attempts == ()  # none has ended


def test_twice_as_many_as_the_channels_are_kept_ahead_and_no_more(store):
    campaign = running(store, accepted=20, plan=Plan(channels=20))
    assert len(admitted(store, campaign, channels=3).attempts) == 6
    other = running(store, "other", accepted=20, plan=Plan(channels=20))
    assert admitted(store, other, channels=3).attempts == ()


def test_a_trunks_channels_bound_what_is_admitted_for_it(store):
    campaign = running(store, accepted=20, plan=Plan(channels=20))
    narrow = TRUNK.model_copy(update={"channels": 1})
    assert len(admitted(store, campaign, trunk=narrow).attempts) == 2


def test_the_budget_is_not_exceeded_by_what_is_ahead(store):
    campaign = running(store, accepted=6, plan=Plan(channels=4, budget=3))
    assert len(admitted(store, campaign).attempts) == 3


def test_when_the_budget_is_spent_the_rest_is_refused_by_its_rule(store):
    campaign = running(store, accepted=3, plan=Plan(channels=2, budget=1))
    (attempt_id,) = admitted(store, campaign).attempts
    dialled(store, attempt_id, "acknowledged", answered=True)
    assert admitted(store, campaign).refused == {"budget": 2}
    assert states(store) == ["done", "refused", "refused"]


def test_a_number_on_the_do_not_call_list_is_refused_for_good_and_noted(store):
    campaign = running(store, accepted=2)
    store.add_do_not_call("13800000001", "别再打了")
    given = admitted(store, campaign)
    assert given.refused == {"do_not_call": 1}
    assert states(store) == ["refused", "admitted"]
    assert [(stage, rule, until) for stage, rule, until in refusals(store)] == [("enqueue", "do_not_call", None)]


def test_at_night_nobody_is_looked_at(store):
    campaign = running(store, accepted=2)
    night = NOW + timedelta(hours=14)  # 00:00 in Shanghai
    assert admitted(store, campaign, night).attempts == ()
    assert states(store) == ["waiting", "waiting"]
    assert refusals(store) == []


def test_contacts_in_another_zone_are_admitted_by_their_own_clock(store):
    campaign = running(store, accepted=2)
    with store.writing() as connection:
        connection.execute(update(contacts).where(contacts.c.row == 2).values(zone="Europe/London", due_at=NOW))
        both = ["Asia/Shanghai", "Europe/London"]
        connection.execute(update(campaigns).values(zones=both))
    assert len(admitted(store, campaign).attempts) == 1  # 02:00 in London
    evening = NOW + timedelta(hours=12)  # 22:00 in Shanghai, 14:00 in London
    assert len(admitted(store, campaign, evening).attempts) == 1
    assert states(store) == ["admitted", "admitted"]


def test_who_is_not_due_yet_waits(store):
    campaign = running(store, accepted=1)
    with store.writing() as connection:
        connection.execute(update(contacts).values(due_at=NOW + timedelta(hours=1)))
    assert admitted(store, campaign).attempts == ()
    assert len(admitted(store, campaign, NOW + timedelta(hours=1)).attempts) == 1


def test_a_changed_script_voids_the_approval_and_nobody_is_dialled(store):
    campaign = running(store)
    assert admitted(store, campaign, flow=changed_flow()).attempts == ()
    with store.reading() as connection:
        after = book.find(connection, campaign.id)
    assert (after.state, after.approval) == ("draft", None)
    assert states(store) == ["waiting"] * 3


def test_a_campaign_ends_when_nobody_is_left(store):
    campaign = running(store, accepted=1)
    (attempt_id,) = admitted(store, campaign).attempts
    assert not admitted(store, campaign).over
    dialled(store, attempt_id, "acknowledged", answered=True)
    assert admitted(store, campaign).over
    with store.reading() as connection:
        assert book.find(connection, campaign.id).state == "done"


def test_two_dispatchers_at_once_admit_nobody_twice_and_keep_the_limit(store):
    campaign = running(store, accepted=12, plan=Plan(channels=5))
    found, barrier = [], threading.Barrier(4)

    def one():
        barrier.wait()
        for _ in range(3):
            found.extend(admitted(store, campaign).attempts)

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == len(set(found)) == 5


def test_a_retry_is_a_new_attempt_of_its_kind(store):
    campaign = running(store, accepted=1)
    (first,) = admitted(store, campaign).attempts
    contact = dialled(store, first, "busy", cause="busy", code=486)
    later = contact["due_at"]
    (second,) = admitted(store, campaign, later).attempts
    assert second == first.replace(":1", ":2")
    contact = dialled(store, second, "acknowledged", later, answered=True)
    assert (contact["state"], contact["attempts"], contact["dials"], contact["outcome"]) == (
        "done",
        2,
        2,
        "acknowledged",
    )
    with store.reading() as connection:
        kinds = connection.execute(attempts.select().order_by(attempts.c.n)).mappings().all()
    assert [row["kind"] for row in kinds] == ["first", "retry"]
    assert settle(store, second, "", store.call(kinds[1]["call_id"]), POLICY, later) == ""  # once is enough


def test_equals_take_turns_and_a_greater_priority_goes_first(store):
    one, two = running(store, "one"), running(store, "two", now=NOW + timedelta(seconds=1))
    third = running(store, "third", plan=Plan(priority=90), now=NOW + timedelta(seconds=2))

    def order():
        with store.reading() as connection:
            return [campaign.name for campaign in book.running(connection)]

    assert order() == ["third", "one", "two"]
    admitted(store, one, NOW + timedelta(seconds=3))
    assert order() == ["third", "two", "one"]
    admitted(store, two, NOW + timedelta(seconds=4))
    admitted(store, third, NOW + timedelta(seconds=5))
    assert order() == ["third", "one", "two"]


def test_nobody_is_admitted_for_a_trunk_that_is_left_alone_and_one_to_try_it(store):
    campaign = running(store, accepted=12, plan=Plan(channels=12))
    first = list(admitted(store, campaign).attempts)[: POLICY.breaker.failures]
    for attempt_id in first:
        dialled(store, attempt_id, "unreachable", cause="unreachable", code=503, rang=False)
    later = NOW + timedelta(seconds=45)  # those that failed are due again, the trunk is not
    assert admitted(store, campaign, later).attempts == ()
    assert refusals(store) == []  # and nothing is noted about contacts that it does not concern
    opens = NOW + timedelta(seconds=60) + POLICY.breaker.pause
    assert len(admitted(store, campaign, opens).attempts) == 1
