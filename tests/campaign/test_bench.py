"""`voicebot bench campaign` in small: what it measures with is what it claims to be."""

import csv
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from tests.campaign.campaigns import FLOW, add_staff
from tests.campaign.dialling import running
from voicebot.campaign.arrivals import import_list
from voicebot.campaign.fault import CampaignFault
from voicebot.campaign.plan import Plan
from voicebot.campaign.policy import read_policy
from voicebot.campaign.progress import progress
from voicebot.campaign.trunks import trunks_of
from voicebot.campaign_bench import made_up, parts, run
from voicebot.campaign_bench.figures import Parts, Size, as_json, tables
from voicebot.settings import Settings
from voicebot.store.campaign_tables import attempts, contacts


@pytest.fixture
def now():
    return datetime.now(UTC)


@pytest.fixture
def terms(tmp_path):
    """(policy, trunk) that the measurement uses."""
    made_up.write_policy(tmp_path / "policy.yaml")
    made_up.write_trunks(tmp_path / "trunks.yaml")
    trunks = trunks_of(Settings(trunks_file=tmp_path / "trunks.yaml"))
    return read_policy(tmp_path / "policy.yaml"), trunks["default"]


def test_the_list_is_accepted_but_for_three_rows_of_a_hundred(store, tmp_path, terms, now):
    add_staff(store)
    listed = tmp_path / "list.csv"
    zone = Settings().zone
    made_up.write_list(listed, 300, now.astimezone(zone))
    with listed.open(encoding="utf-8") as source:
        assert sum(1 for _ in csv.reader(source)) == 301
    done = import_list(store, listed, FLOW, made_up.PLAN, terms[0], "bench", "ann", now, zone=zone)
    assert done.rows == 300
    assert done.refused == Counter(duplicate=3, number=3, slots=3)


def test_half_of_those_who_wait_get_a_past(store, now):
    campaign = running(store, accepted=9, now=now)
    then = now - timedelta(days=1)
    with store.writing() as connection:
        called = made_up.age(connection, campaign.id, then)
    assert called == 4
    seen = progress(store, campaign.name, now)
    assert seen.contacts["done"] == seen.tally.dialled == seen.tally.connected == seen.dials == 4
    assert seen.contacts["waiting"] == 5
    with store.reading() as connection:
        assert made_up.untouched(connection, campaign.id) == 5
        pairs = select(func.count()).select_from(attempts.join(contacts, contacts.c.id == attempts.c.contact_id))
        assert connection.execute(pairs.where(attempts.c.number == contacts.c.number)).scalar_one() == 4


def test_attempts_are_taken_from_admission_to_settlement(store, terms, now):
    policy, trunk = terms
    campaign = running(store, accepted=30, now=now, plan=Plan(channels=10, holidays="call"))
    subject = parts.Subject(store, campaign.id, FLOW, policy, trunk)
    parts.take_in_turn([subject], 20)
    found = subject.found(called=7)
    assert found.called == 7
    assert min(found.admit, found.read, found.pace, found.fence, found.record, found.settle, found.cpu) > 0
    with store.reading() as connection:
        ended = select(func.count()).where(attempts.c.state == "closed", attempts.c.disposition != "")
        assert connection.execute(ended).scalar_one() == 20
    with pytest.raises(CampaignFault, match="no attempt could be admitted any more"):
        parts.take_in_turn([parts.Subject(store, campaign.id, FLOW, policy, trunk)], 40)


PARTS = Parts(called=0, admit=1, read=1, pace=1, fence=4, record=9, settle=3, cpu=5, sweep=1)
SIZE = Size(
    contacts=1000, accepted=970, import_s=2.0, memory_before_mb=100, memory_peak_mb=120, submit_s=0.1, approve_s=0.1,
    start_s=0.1, status_s=0.1, export_s=0.5, parts=(PARTS, replace(PARTS, called=400)),
    beside=(PARTS, PARTS), attempts=400,
    host_wall_ms=20.0, host_cpu_ms=10.0, database_mb=7.0,
)  # fmt: skip


def test_figures_stand_beside_their_ratio_to_the_smallest_size():
    dearer = replace(PARTS, fence=9)
    larger = replace(SIZE, contacts=10_000, parts=(dearer, dearer), host_cpu_ms=15.0)
    lists, costs, hosts = tables([SIZE, larger]).split("\n\n")
    assert "| 1,000 | 2.0 | 500 | 100 → 120 |" in lists
    assert costs.splitlines()[2].startswith("| 1,000 | 0 | 1.00 | 1.00 | 1.00 | 4.00 | 3.00 | 10.00 | 10.00 | 1.00 |")
    assert "| 15.00 | 10.00 | 1.50 |" in costs.splitlines()[4]
    assert hosts.splitlines()[-1] == "| 10,000 | 400 | 20.0 | 1.00 | 15.0 | 1.50 |"
    told = as_json("sqlite", [SIZE])
    assert told["sizes"][0]["parts"][1]["called"] == 400


@pytest.mark.parametrize(
    ("database", "told"),
    [
        ("mysql://x", "write sqlite, or postgresql://"),
        ("nonsense", "write sqlite, or postgresql://"),
        ("postgresql://nobody@127.0.0.1:1/x", "--database: "),
    ],
)
def test_a_database_that_cannot_be_used_is_said_before_anything_is_measured(tmp_path, monkeypatch, database, told):
    monkeypatch.setattr(run.tempfile, "tempdir", str(tmp_path))
    with pytest.raises(CampaignFault, match=told) as fault:
        run.run(Settings(), [1000], 100, database, lambda _what: None)
    assert len(str(fault.value).splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_too_small_a_disk_is_said_up_front(tmp_path, monkeypatch):
    monkeypatch.setattr(run.tempfile, "tempdir", str(tmp_path))
    with pytest.raises(CampaignFault, match=r"need \d+\.\d GB .* TMPDIR"):
        run.run(Settings(), [10**12], 100, "sqlite", lambda _what: None)
    assert list(tmp_path.iterdir()) == []
