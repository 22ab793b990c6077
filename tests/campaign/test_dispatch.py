"""The dispatcher's rounds in virtual time, with a queue that is a set."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from tests.campaign.campaigns import NOW
from tests.campaign.dialling import (
    POLICY,
    TRUNK,
    admitted,
    at_work,
    attempt,
    close,
    contact_of,
    fenced,
    running,
    states,
)
from voicebot.campaign import hosts
from voicebot.campaign.dispatch import GRACE, Dispatcher
from voicebot.campaign.fence import Fenced
from voicebot.campaign.hosts import LEASE, LOST_AFTER
from voicebot.campaign.shelf import Shelf
from voicebot.flow.loading import FLOWS
from voicebot.store.campaign_tables import attempts, campaigns


class FakeQueue:
    """Keeps what it is given until a test takes it out."""

    def __init__(self):
        self.there = {}  # attempt → which handing over
        self.trunks = {}
        self.handed = []
        self.dropped_for = []

    def hand_over(self, given):
        for attempt_id, trunk, which in given:
            self.there[attempt_id] = which
            self.trunks[attempt_id] = trunk
            self.handed.append((attempt_id, which))

    def standing(self, asked, alive):
        return {attempt_id for attempt_id, which in asked if self.there.get(attempt_id) == which}

    def forget_done(self, before, most):
        return 0

    def drop_dead(self, alive):
        self.dropped_for.append(alive)
        return 0


@pytest.fixture
def queue():
    return FakeQueue()


def dispatcher(store, queue, holder="a/boot-1", trunks=None):
    return Dispatcher(store, queue, Shelf(FLOWS), lambda: POLICY, trunks or {TRUNK.name: TRUNK}, holder)


def later(seconds):
    return NOW + timedelta(seconds=seconds)


def test_what_is_due_is_admitted_and_handed_over_once(store, queue):
    campaign = running(store, accepted=3)
    at_work(store)
    round_ = dispatcher(store, queue)
    assert round_.tick(NOW)
    assert sorted(queue.handed) == [("1:1", 1), ("2:1", 1), ("3:1", 1)]
    assert set(queue.trunks.values()) == {campaign.trunk}
    assert round_.tick(later(1))
    assert len(queue.handed) == 3


def test_nothing_is_admitted_without_a_host_at_work(store, queue):
    running(store)
    assert dispatcher(store, queue).tick(NOW)
    assert queue.handed == []
    assert states(store) == ["waiting"] * 3


def test_an_attempt_that_the_queue_lost_is_handed_over_again(store, queue):
    running(store)
    at_work(store)
    round_ = dispatcher(store, queue)
    round_.tick(NOW)
    del queue.there["2:1"]
    round_.sweep(later(5))  # it may only just have been handed over
    assert len(queue.handed) == 3
    round_.sweep(later(11))
    assert queue.handed[3:] == [("2:1", 2)]
    assert attempt(store, "2:1")["handed"] == 2
    round_.sweep(later(30))  # now it is there again
    assert len(queue.handed) == 4


def test_an_attempt_admitted_by_a_dispatcher_that_died_before_it_handed_it_over_is_not_lost(store, queue):
    campaign = running(store)
    at_work(store)
    admitted(store, campaign)  # and no hand_over
    dispatcher(store, queue).sweep(later(11))
    assert sorted(queue.handed) == [("1:1", 2), ("2:1", 2), ("3:1", 2)]


def test_a_call_without_its_host_settles_by_its_record(store, queue):
    campaign = running(store)
    at_work(store)
    admitted(store, campaign)
    verdict, call_id = fenced(store, "1:1")
    assert verdict == Fenced()
    close(store, call_id, "acknowledged", answered=True)
    dispatcher(store, queue).sweep(later(5))
    assert attempt(store, "1:1")["state"] == "dialling", "its host lives: it settles it itself"
    dispatcher(store, queue).sweep(NOW + LOST_AFTER + timedelta(seconds=1))
    assert attempt(store, "1:1")["state"] == "closed"
    assert attempt(store, "1:1")["disposition"] == "acknowledged"
    assert contact_of(store, "1:1")["state"] == "done"


def test_a_call_without_host_and_record_is_unknown_after_a_while(store, queue):
    campaign = running(store)
    at_work(store)
    admitted(store, campaign)
    fenced(store, "1:1")
    back = later(10)
    at_work(store, boot="boot-2", now=back)  # its supervisor has started it again
    round_ = dispatcher(store, queue)
    round_.sweep(back + GRACE - timedelta(milliseconds=1))
    assert attempt(store, "1:1")["state"] == "dialling"
    round_.sweep(back + GRACE)
    assert attempt(store, "1:1")["state"] == "unknown"
    assert contact_of(store, "1:1")["state"] == "unknown"


def test_a_record_that_comes_in_late_still_settles(store, queue):
    campaign = running(store)
    at_work(store)
    admitted(store, campaign)
    _, call_id = fenced(store, "1:1")
    gone = NOW + LOST_AFTER + GRACE
    dispatcher(store, queue).sweep(gone + timedelta(seconds=1))
    assert attempt(store, "1:1")["state"] == "unknown"
    close(store, call_id, "acknowledged", answered=True)
    dispatcher(store, queue).sweep(gone + timedelta(seconds=5))
    assert attempt(store, "1:1")["state"] == "closed"
    assert contact_of(store, "1:1")["state"] == "done"


def test_the_queue_is_told_who_lives(store, queue):
    at_work(store, "a")
    at_work(store, "b", "boot-b")
    round_ = dispatcher(store, queue)
    round_.sweep(later(1))
    hosts.heartbeat(store, "b", "boot-b", later(25), busy=0, load=0.0)
    round_.sweep(NOW + LOST_AFTER + timedelta(seconds=1))
    assert queue.dropped_for == [{"a", "b"}, {"b"}]


def test_one_dispatches_and_another_takes_over(store, queue):
    running(store)
    at_work(store)
    first, second = dispatcher(store, queue), dispatcher(store, queue, "b/boot-b")
    assert first.tick(NOW)
    assert not second.tick(later(1))
    assert second.tick(later(1) + LEASE)  # the first was not heard of any more
    assert not first.tick(later(2) + LEASE)
    second.give_up(later(3) + LEASE)
    assert first.tick(later(3) + LEASE)


def test_two_at_once_admit_nobody_twice(store, queue):
    """By mistake, with clocks that differ."""
    running(store, accepted=6)
    at_work(store)
    one, two = dispatcher(store, queue), dispatcher(store, queue, "b/boot-b")
    one.tick(NOW)
    two.tick(NOW + 2 * LEASE)
    one.tick(NOW + 4 * LEASE)
    handed = [attempt_id for attempt_id, _ in queue.handed]
    assert len(set(handed)) == 4  # the plan's channels
    assert states(store, attempts) == ["queued"] * 4


@pytest.mark.parametrize("missing", [{"trunk": "nowhere"}, {"flow": "nowhere"}])
def test_a_campaign_that_cannot_dial_does_not_stop_the_others(store, queue, caplog, missing):
    broken = running(store, "broken")
    running(store, "sound")
    with store.writing() as connection:
        # It comes first.
        mine = campaigns.c.id == broken.id
        connection.execute(update(campaigns).where(mine).values(priority=100, **missing))
    at_work(store)
    round_ = dispatcher(store, queue)
    round_.tick(NOW)
    round_.tick(later(1))
    assert sorted(attempt_id for attempt_id, _ in queue.handed) == ["4:1", "5:1", "6:1"]
    assert [record.getMessage() for record in caplog.records].count(caplog.records[0].getMessage()) == 1
    assert f"campaign {broken.id} waits" in caplog.text


def test_priority_goes_first_where_there_is_not_room_for_all(store, queue):
    running(store, "first", accepted=4)
    urgent = running(store, "urgent", accepted=4)
    with store.writing() as connection:
        connection.execute(update(campaigns).where(campaigns.c.id == urgent.id).values(priority=90))
    at_work(store, channels=2)  # room for twice as many attempts
    dispatcher(store, queue).tick(NOW)
    assert sorted(attempt_id for attempt_id, _ in queue.handed) == ["5:1", "6:1", "7:1", "8:1"]
