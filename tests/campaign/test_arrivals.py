"""A list becomes a campaign, or nothing; on both databases."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, update

from tests.campaign.lists import CONTACT, FLOW, INVITATION, INVITED, NOW, as_csv, people, write_csv, write_xlsx
from voicebot.campaign import arrivals, book
from voicebot.campaign import people as staff
from voicebot.campaign.arrivals import import_list
from voicebot.campaign.fault import CampaignFault
from voicebot.campaign.fingerprint import contacts_hash
from voicebot.campaign.plan import Plan
from voicebot.campaign.policy import read_policy
from voicebot.flow.loading import load
from voicebot.store.campaign_tables import campaigns, contacts
from voicebot.store.fault import StoreFault

POLICY = read_policy()
SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.fixture
def bring(store):
    """Import a file into the test's database."""
    staff.add(store, "ann", ["operations"])

    def bring(file, name="spring", **changed):
        how = {"flow": FLOW, "plan": Plan(), "author": "ann"} | changed
        return import_list(
            store, file, how.pop("flow"), how.pop("plan"), POLICY, name, how.pop("author"), NOW, zone=SHANGHAI, **how
        )

    return bring


@pytest.fixture
def small(monkeypatch):
    """Batches small enough for a test to have several."""
    monkeypatch.setattr(arrivals, "_BATCH", 7)
    monkeypatch.setattr(arrivals, "_ASKED", 3)


def rows_of(store, campaign_id):
    query = select(contacts).where(contacts.c.campaign_id == campaign_id).order_by(contacts.c.row)
    with store.reading() as connection:
        return list(connection.execute(query).mappings())


def count(store, table):
    with store.reading() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def test_every_row_has_its_verdict(store, bring, tmp_path, small):
    store.add_do_not_call("13800100003", "请勿再打")
    listed = people(20)
    listed[5] |= {"number": "1380010 0002"}
    listed[6] |= {"number": "12345678901234567890"}
    listed[12] |= {"number": "+86 138 0010 0002"}
    listed[15] |= {"ratio": "很低"}
    file = write_csv(tmp_path / "list.csv", listed)
    seen = []
    done = bring(file, progress=lambda rows, total: seen.append((rows, total)))
    assert (done.rows, done.accepted) == (20, 15)
    assert done.refused == Counter(duplicate=2, do_not_call=1, number=1, slots=1)
    assert seen == [(7, 20), (14, 20), (20, 20)]
    assert done.examples["duplicate"] == [(7, "138****0002"), (14, "138****0002")]
    rows = rows_of(store, done.campaign)
    assert [row["row"] for row in rows] == list(range(2, 22))
    refused = {row["row"]: (row["rule"], row["evidence"]) for row in rows if row["state"] == "refused"}
    assert refused[7] == refused[14] == ("duplicate", {"first_row": 4})
    assert refused[5][0] == "do_not_call"
    assert refused[5][1].keys() == {"since"}  # the reason is free text, with names in it perhaps
    assert (rows[6]["given"], rows[6]["ref"], rows[6]["number"], rows[6]["slots"]) == (
        "12345678901234567890", "K6", None, {},
    )  # fmt: skip
    assert {row["state"] for row in rows} == {"waiting", "refused"}
    first = rows[0]
    assert (first["number"], first["zone"], first["due_at"]) == ("+8613800100000", "Asia/Shanghai", NOW)
    assert first["slots"]["ratio"] == "128.50"
    assert (first["rule"], first["evidence"], first["facts"]) == ("", {}, {"as_of": "2026-11-23"})
    with store.reading() as connection:
        campaign = book.find(connection, "spring")
        (entry,) = book.log_of(connection, campaign.id)
    assert (campaign.state, campaign.rows_read, campaign.contacts_accepted) == ("draft", 20, 15)
    assert (campaign.zones, campaign.kind, campaign.flow_version) == (("Asia/Shanghai",), "service", FLOW.version)
    assert (entry.who, entry.change) == ("ann", "imported")
    assert entry.data == {
        "file": "list.csv",
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "rows": 20,
        "accepted": 15,
        "refused": dict(done.refused),
    }


def test_the_hash_of_the_contacts_is_that_of_the_database(store, bring, tmp_path, small):
    done = bring(write_csv(tmp_path / "list.csv", people(20)))
    with store.reading() as connection:
        kept = book.find(connection, "spring").contacts_sha256
        assert contacts_hash(connection, done.campaign) == kept
    again = bring(write_csv(tmp_path / "again.csv", people(20), encoding="gbk"), "again")
    changed = bring(write_csv(tmp_path / "changed.csv", people(20, ratio="128.51")), "changed")
    with store.reading() as connection:
        assert contacts_hash(connection, again.campaign) == kept
        assert contacts_hash(connection, changed.campaign) != kept
    with store.writing() as connection:
        one = select(func.min(contacts.c.id)).where(contacts.c.campaign_id == done.campaign).scalar_subquery()
        connection.execute(update(contacts).where(contacts.c.id == one).values(state="done", attempts=1))
        assert contacts_hash(connection, done.campaign) == kept
        connection.execute(update(contacts).where(contacts.c.id == one).values(number="+8613800138000"))
        assert contacts_hash(connection, done.campaign) != kept


def test_a_workbook_with_marketing(store, bring, tmp_path):
    rows = [
        list(INVITED),
        list(INVITED.values()),
        list((INVITED | {"number": 13900139000, "client_grade": "C1"}).values()),
    ]
    done = bring(write_xlsx(tmp_path / "list.xlsx", rows), flow=INVITATION, plan=Plan(priority=70, trunk="b"))
    assert (done.accepted, done.refused) == (1, Counter(suitability=1))
    with store.reading() as connection:
        row = connection.execute(select(campaigns)).mappings().one()
    assert (row["kind"], row["priority"], row["trunk"]) == ("marketing", 70, "b")
    assert rows_of(store, done.campaign)[0]["facts"]["consent_until"] == "2026-12-31"


def test_characters_that_no_database_keeps(store, bring, tmp_path):
    done = bring(
        write_csv(tmp_path / "list.csv", [CONTACT, CONTACT | {"number": "1\0王", "ref": "a\0b"}], encoding="utf-16")
    )
    assert done.refused == Counter(number=1)
    assert rows_of(store, done.campaign)[1]["ref"] == "a\ufffdb"


def test_a_list_of_which_nothing_is_accepted_keeps_its_verdicts(store, bring, tmp_path):
    done = bring(write_csv(tmp_path / "list.csv", people(3, ratio="")))
    assert (done.accepted, done.refused) == (0, Counter(slots=3))
    with store.reading() as connection:
        assert book.find(connection, "spring").state == "draft"


# ---------------------------------------------------------------- all or nothing


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (as_csv(people(3)).replace(b"ratio", b"rate"), "ratio: missing"),
        (as_csv(people(20)) + "1,李明\n".encode("gbk"), "GBK"),
        (as_csv(people(20)) + b'1,"open\n', "line 22"),
    ],
)
def test_a_wrong_list_leaves_nothing(store, bring, tmp_path, small, content, told):
    file = tmp_path / "list.csv"
    file.write_bytes(content)
    with pytest.raises(CampaignFault, match=told) as fault:
        bring(file)
    assert str(fault.value).endswith("nothing was imported")
    assert "list.csv" in str(fault.value)
    assert (count(store, campaigns), count(store, contacts)) == (0, 0)


@pytest.mark.parametrize("thrown", [KeyboardInterrupt, StoreFault("database: away"), ValueError("a bug")])
def test_whatever_ends_it_in_the_middle_leaves_nothing(store, bring, tmp_path, small, thrown):
    file = write_csv(tmp_path / "list.csv", people(20))
    here = []

    def stop(rows, total):
        here.append(count(store, contacts))
        if rows > 10:
            raise thrown

    with pytest.raises(thrown if isinstance(thrown, type) else type(thrown)):
        bring(file, progress=stop)
    assert here == [7, 14]
    assert (count(store, campaigns), count(store, contacts)) == (0, 0)
    assert bring(file).accepted == 20


def test_what_a_killed_import_leaves_is_nobodys_campaign_and_the_next_removes_it(
    store, database_url, bring, tmp_path, small
):
    file = write_csv(tmp_path / "list.csv", people(20))
    program = f"""
import os, signal
from pathlib import Path
from tests.campaign import test_arrivals as t
from voicebot.store.store import Store
t.arrivals._BATCH = 7
def die(rows, total):
    if rows > 10:
        os.kill(os.getpid(), signal.SIGKILL)
store, file = Store.open({database_url!r}), Path({str(file)!r})
t.import_list(store, file, t.FLOW, t.Plan(), t.POLICY, "spring", "ann", t.NOW, zone=t.SHANGHAI, progress=die)
"""
    done = subprocess.run([sys.executable, "-c", program], env=os.environ, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    with store.reading() as connection:
        left = book.find(connection, "spring")
    assert (left.state, count(store, contacts)) == ("importing", 14)
    fresh = bring(file)
    assert fresh.campaign != left.id
    assert (fresh.accepted, count(store, contacts), count(store, campaigns)) == (20, 20, 1)


def test_an_import_that_another_one_replaced_ends(store, bring, tmp_path, small):
    file = write_csv(tmp_path / "list.csv", people(20))
    others = []

    def another(rows, total):
        if not others:
            others.append(bring(file))

    with pytest.raises(CampaignFault, match="took its place"):
        bring(file, progress=another)
    assert (count(store, contacts), count(store, campaigns)) == (20, 1)
    assert len(rows_of(store, others[0].campaign)) == 20


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"name": " "}, "--name"),
        ({"name": "x" * 65}, "--name"),
        ({"author": "bob"}, "people add"),
        ({"author": "cy"}, "needs role operations"),
        ({"flow": load("private_fund_visit")}, "switched off"),
        ({"plan": Plan(per_day=9)}, "per_day: 9 is more"),
        ({"sheet": "名单"}, "has no sheets"),
    ],
)
def test_what_is_refused_before_the_list_is_read(store, bring, tmp_path, changed, told):
    staff.add(store, "cy", ["compliance"])
    with pytest.raises(CampaignFault, match=told):
        bring(write_csv(tmp_path / "list.csv", people(2)), **changed)
    assert count(store, campaigns) == 0


def test_a_name_is_given_once(store, bring, tmp_path):
    file = write_csv(tmp_path / "list.csv", people(2))
    bring(file)
    with pytest.raises(CampaignFault, match="already: give this one another --name"):
        bring(file)
    assert (count(store, campaigns), count(store, contacts)) == (1, 2)


def test_nothing_clear_is_in_the_log(store, bring, tmp_path):
    done = bring(write_csv(tmp_path / "list.csv", people(3, ratio="")))
    with store.reading() as connection:
        told = json.dumps([dict(entry.data) for entry in book.log_of(connection, done.campaign)])
    assert "1380010" not in told
    assert all("1380010" not in json.dumps(row["evidence"]) for row in rows_of(store, done.campaign))
