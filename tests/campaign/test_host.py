"""Hosts as processes, all of them real but the telephone: queue, fence, settlement, and how they begin and end."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
import yaml
from sqlalchemy import func, select, text

from tests.campaign.crash import stage
from voicebot.campaign import hosts
from voicebot.settings import PREFIX, ROOT
from voicebot.store.campaign_tables import attempts, campaigns, contacts
from voicebot.store.store import Store
from voicebot.store.tables import calls

# A bound for a test that hangs; nothing is expected to come near it.
LONGEST_S = 120
# By the last digit of their number (`voicebot.campaign.silent_lines`): busy, no answer, off, rejected, voicemail.
CALLED_AGAIN = "01235"


def environment(url, folder, name):
    """A policy whose retries are due after a second, and settings of its own."""
    policy = stage.write_policy(folder / f"{name}.yaml")
    terms = yaml.safe_load(policy.read_text("utf-8"))
    for rule in terms["retries"].values():
        if isinstance(rule, dict):
            rule["after"] = "1s"
    policy.write_text(yaml.safe_dump(terms), "utf-8")
    own = stage.HostSettings(url, "sip:silent.invalid", policy, folder / "recordings", folder / "tts")
    clean = {key: value for key, value in os.environ.items() if not key.startswith(PREFIX)}
    return clean | own.environment(name)


@pytest.fixture
def begin(database_url, tmp_path):
    """Starts hosts; whatever becomes of the test, none outlives it."""
    with contextlib.ExitStack() as kept:

        def start(name, *words):
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.campaign.silent_host", *words],
                env=environment(database_url, tmp_path, name), cwd=ROOT,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            )  # fmt: skip
            kept.enter_context(process)
            kept.callback(process.kill)
            return process

        yield start


def ended(process):
    """What it said, after it ended of itself in order."""
    _, said = process.communicate(timeout=LONGEST_S)
    assert process.returncode == 0, said
    return said


def until(store, what, *where, at_least=1):
    """Wait until so many rows are so."""
    deadline = time.monotonic() + LONGEST_S
    while time.monotonic() < deadline:
        with store.reading() as connection:
            if connection.execute(select(func.count()).select_from(what).where(*where)).scalar_one() >= at_least:
                return
        time.sleep(0.05)
    raise AssertionError("that did not come")


def rows(store, table):
    with store.reading() as connection:
        return connection.execute(select(table)).mappings().all()


def state(store):
    (campaign,) = rows(store, campaigns)
    return campaign["state"]


def expected_dials(contact):
    return 2 if contact["number"][-1] in CALLED_AGAIN else 1


def check_all_called(store):
    """Every contact has had all its calls, each with a record of its own and an outcome."""
    assert state(store) == "done"
    people, tried = rows(store, contacts), rows(store, attempts)
    placed = Counter(attempt["contact_id"] for attempt in tried if attempt["fenced_at"] and not attempt["rule"])
    assert {contact["state"] for contact in people} == {"done"}
    assert placed == {contact["id"]: expected_dials(contact) for contact in people}
    assert {contact["id"]: contact["dials"] for contact in people} == placed
    # One that a gate put back while the database was away is refused, and followed by another.
    assert {attempt["state"] for attempt in tried} <= {"closed", "refused"}
    ids = [attempt["call_id"] for attempt in tried if attempt["call_id"]]
    records = rows(store, calls)
    assert len(set(ids)) == len(ids)
    assert {call["id"] for call in records} >= set(ids)
    outcomes = {call["id"]: call["disposition"] for call in records}
    assert all(attempt["disposition"] == outcomes[attempt["call_id"]] for attempt in tried if attempt["call_id"])


def test_a_host_carries_a_campaign_to_its_end(store, begin):
    stage.insert_campaign(store, count=30, channels=8)
    ended(begin("a", "--until-done", "--channels", "8"))
    check_all_called(store)
    outcomes = Counter(contact["outcome"] for contact in rows(store, contacts))
    assert outcomes.keys() >= {"acknowledged", "busy", "no_answer", "powered_off", "rejected", "empty_number"}
    assert hosts.alive(store, datetime.now(UTC)) == []


def test_two_hosts_share_a_campaign_and_call_nobody_twice(store, begin):
    stage.insert_campaign(store, count=40, channels=8)
    both = [begin(name, "--until-done", "--lasts", "0.3") for name in ("a", "b")]
    for process in both:
        ended(process)
    check_all_called(store)
    assert {attempt["host"] for attempt in rows(store, attempts)} == {"a", "b"}
    # No host had more calls at once than it has lines, or a call without a line would have failed.
    assert not [attempt for attempt in rows(store, attempts) if attempt["disposition"] == "fault"]


@pytest.mark.parametrize(
    ("lasts", "drain", "given_up"),
    [pytest.param("1", "30", False, id="calls end"), pytest.param("60", "0", True, id="calls are given up")],
)
def test_a_host_told_to_end_leaves_nothing_half_done(store, begin, lasts, drain, given_up):
    stage.insert_campaign(store, count=12, channels=4)
    first = begin("a", "--lasts", lasts, "--drain", drain)
    until(store, attempts, attempts.c.state == "dialling", at_least=2)
    first.send_signal(signal.SIGTERM)
    ended(first)
    left = Counter(attempt["state"] for attempt in rows(store, attempts))
    assert left.keys() <= {"closed", "queued"}
    assert left["closed"] >= 2
    dispositions = {attempt["disposition"] for attempt in rows(store, attempts) if attempt["state"] == "closed"}
    assert ("cancelled" in dispositions) == given_up
    # Its turn as dispatcher is another's at once, and what it left is carried on.
    assert hosts.take_lease(store, hosts.DISPATCHER, "the test", datetime.now(UTC))
    hosts.give_lease_back(store, hosts.DISPATCHER, "the test", datetime.now(UTC))
    ended(begin("b", "--until-done"))
    assert state(store) == "done"
    assert {contact["state"] for contact in rows(store, contacts)} == {"done"}


def test_a_second_host_of_one_name_is_refused_in_a_line(store, begin):
    first = begin("a")
    until(store, hosts.hosts, hosts.hosts.c.name == "a")
    second = begin("a")
    _, said = second.communicate(timeout=LONGEST_S)
    assert second.returncode == 1
    assert "a host called a is at work" in said
    assert "VOICEBOT_HOST_NAME" in said
    assert len(said.strip().splitlines()) == 1
    first.send_signal(signal.SIGTERM)
    ended(first)
    # The name is free again at once.
    third = begin("a")
    until(store, hosts.hosts, hosts.hosts.c.pid == third.pid)
    third.send_signal(signal.SIGTERM)
    ended(third)


@contextlib.contextmanager
def away(url):
    """A database that takes nothing for a moment."""
    if url.startswith("sqlite"):
        locked = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        locked.execute("PRAGMA busy_timeout=30000")
        locked.execute("BEGIN IMMEDIATE")
        yield
        locked.execute("ROLLBACK")
        locked.close()
        return
    yield
    query = (
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    with Store.open(url).engine.begin() as connection:
        assert connection.execute(text(query)).scalar_one() > 0
        connection.detach()


def test_a_database_that_was_away_costs_time_and_nothing_else(store, begin, database_url):
    stage.insert_campaign(store, count=30, channels=4)
    host = begin("a", "--until-done", "--lasts", "0.2", "--busy-ms", "200")
    for placed in (3, 9, 15):
        until(store, attempts, attempts.c.state == "closed", at_least=placed)
        with away(database_url):
            time.sleep(1.5)
        assert host.poll() is None, host.communicate()
    ended(host)
    check_all_called(store)


def test_a_host_that_is_killed_is_followed_by_another_run_of_its_name(store, begin):
    stage.insert_campaign(store, count=10, channels=4)
    first = begin("a", "--lasts", "60")
    until(store, attempts, attempts.c.state == "dialling", at_least=2)
    first.kill()
    first.wait()
    with store.reading() as connection:
        held = set(connection.execute(select(attempts.c.id).where(attempts.c.state == "dialling")).scalars())
    ended(begin("a", "--until-done"))
    assert state(store) == "done"
    became = {attempt["id"]: attempt["state"] for attempt in rows(store, attempts)}
    # A phone may have rung: it is not dialled again, and the plan (`unknown: close`) closes the contact.
    assert {became[attempt_id] for attempt_id in held} == {"unknown"}
    assert Counter(attempt["contact_id"] for attempt in rows(store, attempts) if attempt["id"] in held) == Counter(
        {int(attempt_id.partition(":")[0]): 1 for attempt_id in held}
    )


@pytest.mark.parametrize(
    ("words", "settings", "told"),
    [
        ((), {"DATABASE_URL": "nonsense"}, "sqlite:///<file>"),
        ((), {"HOST_NAME": "a name"}, "VOICEBOT_HOST_NAME"),
        (("--name", "a name"), {}, "--name"),
        ((), {"TRUNKS_FILE": "/nowhere/trunks.yaml"}, "trunks.yaml"),
        ((), {"POLICY_FILE": "/nowhere/policy.yaml"}, "policy.yaml"),
        (("--drain", "-1"), {}, "--drain"),
    ],
)
def test_a_worker_with_bad_settings_says_what_to_do(words, settings, told, tmp_path):
    clean = {key: value for key, value in os.environ.items() if not key.startswith(PREFIX)}
    own = {"DATABASE_URL": f"sqlite:///{tmp_path}/voicebot.db", "RECORDINGS_DIR": str(tmp_path)} | settings
    done = subprocess.run(
        [sys.executable, "-m", "voicebot", "worker", *words],
        env=clean | {PREFIX + name: value for name, value in own.items()},
        cwd=ROOT, capture_output=True, text=True, timeout=LONGEST_S, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_the_worker_command_explains_itself():
    done = subprocess.run(
        [sys.executable, "-m", "voicebot", "worker", "--help"],
        cwd=ROOT, capture_output=True, text=True, timeout=LONGEST_S, check=True,
    )  # fmt: skip
    for part in ("--name", "--until-done", "--drain", "VOICEBOT_WORKERS", "SIGTERM"):
        assert part in done.stdout


def test_times_of_the_host_leave_room_for_each_other():
    """A host beats several times before it is given up, and an INVITE has left or never will by then."""
    from voicebot.campaign.host import DIAL_WITHIN_S

    assert timedelta(seconds=3 * hosts.HEARTBEAT_S) < hosts.LOST_AFTER
    assert timedelta(seconds=DIAL_WITHIN_S) < hosts.LOST_AFTER
