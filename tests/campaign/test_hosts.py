"""Hosts by name, their heartbeat, and the lease of the one that dispatches."""

import os
import socket
from datetime import timedelta

import pytest

from tests.campaign.campaigns import NOW
from tests.campaign.dialling import at_work
from voicebot.campaign import hosts
from voicebot.campaign.fault import CampaignFault
from voicebot.campaign.hosts import LOST_AFTER, alive, heartbeat, leave, register, take_lease

SOON = NOW + timedelta(seconds=5)


def names(store, now=SOON):
    return [host.name for host in alive(store, now)]


def test_two_processes_do_not_work_under_one_name(store):
    at_work(store, machine="m1")
    (row,) = hosts.all_of(store)
    with pytest.raises(CampaignFault, match="a host called a is at work"):
        at_work(store, boot="boot-2", machine="m2", now=SOON)
    other = hosts.HostRow("a", "boot-2", "m1", 2, 4, 0, 0.0, SOON, SOON, lost=False)
    with pytest.raises(CampaignFault, match="VOICEBOT_HOST_NAME"):
        register(store, other, alive=True)
    register(store, other, alive=False)  # its process has ended: restarted by its supervisor
    assert hosts.all_of(store) == [other]
    assert row.boot != other.boot


def test_a_name_is_free_again_when_its_host_has_long_been_silent(store):
    at_work(store, machine="m1")
    at_work(store, boot="boot-2", machine="m2", now=NOW + LOST_AFTER)
    assert hosts.all_of(store)[0].machine == "m2"


def test_a_silent_host_is_given_up_and_told_so_when_it_comes_back(store):
    at_work(store, "a")
    at_work(store, "b", "boot-b")
    late = NOW + LOST_AFTER + timedelta(seconds=1)
    assert heartbeat(store, "b", "boot-b", late, busy=2, load=0.5)
    assert hosts.give_up_silent(store, late) == ["a"]
    assert hosts.give_up_silent(store, late) == []
    assert names(store, late) == ["b"]
    assert not heartbeat(store, "a", "boot-1", late, busy=0, load=0.0)


def test_a_host_that_ends_in_order_is_not_at_work_any_more(store):
    at_work(store)
    leave(store, "a", "boot-2", SOON)  # not this run
    assert names(store) == ["a"]
    leave(store, "a", "boot-1", SOON)
    assert names(store) == []


def test_one_dispatches_until_it_is_silent(store):
    assert take_lease(store, "dispatcher", "one", NOW)
    assert not take_lease(store, "dispatcher", "two", SOON)
    assert take_lease(store, "dispatcher", "one", SOON)
    after = SOON + hosts.LEASE + timedelta(milliseconds=1)
    assert take_lease(store, "dispatcher", "two", after)
    assert not take_lease(store, "dispatcher", "one", after)
    hosts.give_lease_back(store, "dispatcher", "two", after)
    assert take_lease(store, "dispatcher", "one", after)


def test_a_host_with_the_process_id_of_its_last_run_is_no_other_process(store):
    at_work(store, machine=socket.gethostname(), pid=os.getpid())
    assert not hosts.runs_here(store, "a")  # a container begins its processes with the same number again
    at_work(store, "b", machine=socket.gethostname(), pid=os.getppid())
    assert hosts.runs_here(store, "b")
    at_work(store, "c", machine="another", pid=os.getppid())
    assert not hosts.runs_here(store, "c")
