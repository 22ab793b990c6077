"""The demonstration of campaigns: its sample, that no call of it leaves the machine, how calls are counted; and a short
one with everything in it: a softphone, a worker, real SIP.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
import yaml
from sqlalchemy import select
from typer.testing import CliRunner

from tests.campaign.campaigns import FLOW
from voicebot import campaign_demo
from voicebot.campaign import book
from voicebot.campaign.gates import Pass, Refusal, judge
from voicebot.campaign.policy import read_policy
from voicebot.campaign.snapshot import snapshots
from voicebot.campaign.trunks import target_of, trunks_of
from voicebot.campaign_demo import SAMPLE, Contact, Result
from voicebot.cli import app
from voicebot.cli.terminal import Wrong
from voicebot.settings import Settings
from voicebot.softphone.board import load_board
from voicebot.store.campaign_tables import contacts

PHONE = "127.0.0.1:5070"


@pytest.fixture
def settings(tmp_path):
    (tmp_path / "demo").mkdir()
    mine = campaign_demo.own_settings(tmp_path / "demo", SAMPLE, PHONE)
    elsewhere = Settings(sip_proxy="sip:sbc.example.com", sip_registrar="sip:sbc.example.com", sip_bind="0.0.0.0")
    return elsewhere.model_copy(update=mine)


@pytest.fixture
def now():
    return datetime(2026, 11, 25, 2, tzinfo=UTC)


@pytest.fixture
def begun(store, settings, tmp_path, now):
    campaign_demo.begin(settings, store, tmp_path / "demo", SAMPLE, now)
    with store.reading() as connection:
        campaign = book.find(connection, "demo")
        rows = connection.execute(select(contacts).order_by(contacts.c.row)).mappings().all()
    return campaign, rows


def test_the_sample_runs_and_its_rows_are_refused_for_one_reason_each(begun):
    campaign, rows = begun
    assert (campaign.state, campaign.rows_read, campaign.contacts_accepted) == ("running", 20, 16)
    refused = Counter(row["rule"] for row in rows if row["state"] == "refused")
    assert refused == {"duplicate": 1, "number": 1, "do_not_call": 1, "slots": 1}
    assert campaign.approval is not None
    assert campaign.approval.by != campaign.author


@pytest.mark.parametrize(
    "now",
    [
        datetime(2026, 10, 1, 4, tzinfo=UTC),  # a public holiday
        datetime(2026, 11, 29, 19, tzinfo=UTC),  # in the night from Sunday to Monday in China
        datetime(2026, 12, 31, 15, 59, 50, tzinfo=UTC),  # midnight, and the year changes, between import and call
    ],
)
def test_whenever_it_is_run_the_gates_let_all_but_the_stale_one_pass(begun, store, now):
    campaign, rows = begun
    now += timedelta(minutes=1)
    accepted = [row for row in rows if row["number"]]
    with store.reading() as connection:
        seen = snapshots(connection, campaign, accepted, FLOW, read_policy(SAMPLE / "policy.yaml"), now)
    verdicts = [judge(seen[row["id"]]) for row in accepted]
    assert verdicts[:-1] == [Pass()] * 15
    assert isinstance(verdicts[-1], Refusal)
    assert (verdicts[-1].rule, verdicts[-1].until) == ("stale_data", None)


def test_everybody_who_may_be_called_is_on_the_board(begun):
    board = load_board(SAMPLE / "board.yaml")
    dialled = [row["number"] for row in begun[1] if row["number"]][:-1]
    assert set(board.numbers) == set(dialled)
    outcomes = {str(persona.expect) for persona in board.personas}
    assert outcomes >= {
        "will_do", "acknowledged", "done_already", "callback", "busy", "empty_number", "no_answer", "unreachable",
        "do_not_call", "complaint", "silent", "hung_up", "wrong_number", "not_self", "rejected", "refuse",
    }  # fmt: skip


def test_no_call_of_it_leaves_the_machine(settings, begun):
    trunk = trunks_of(settings)["default"]
    assert (settings.sip_proxy, settings.sip_registrar, settings.sip_bind) == ("", "", "127.0.0.1")
    targets = {target_of(row["number"], row["given"], trunk) for row in begun[1] if row["number"]}
    assert {target.partition("@")[2] for target in targets} == {PHONE}


def test_only_the_last_few_folders_stay(tmp_path):
    for n in range(campaign_demo.KEPT + 2):
        (tmp_path / f"{n:026}").mkdir()  # ids of long ago
    made = campaign_demo.fresh_folder(tmp_path)
    stay = [f"{n:026}" for n in range(3, campaign_demo.KEPT + 2)]
    assert sorted(path.name for path in tmp_path.iterdir()) == [*stay, made.name]


@pytest.mark.parametrize(
    ("invites", "dialled", "expected"),
    [
        ({}, {}, (0, 0)),
        ({"a": 2, "b": 1}, {"a": 2, "b": 1}, (0, 0)),
        ({"a": 2}, {"a": 1}, (1, 0)),
        ({"a": 1}, {"a": 2}, (0, 1)),
        ({"a": 3, "b": 0}, {"a": 1, "b": 1}, (2, 1)),
        ({"a": 1}, {}, (1, 0)),
    ],
)
def test_a_call_too_many_is_not_made_good_by_one_that_is_missing(invites, dialled, expected):
    assert campaign_demo.apart(invites, dialled) == expected


def contact(**given):
    about = {"row": 2, "number": "1", "state": "done", "rule": "", "outcome": "busy", "dials": 1, "invites": 1}
    return Contact(**{**about, "persona": "x", "expected": "busy", **given})


@pytest.mark.parametrize(
    ("changed", "good"),
    [({}, True), ({"state": "running"}, False), ({"double_dials": 1}, False), ({"unknown": 1}, False)],
)
def test_it_is_good_only_if_it_is_over_and_nothing_is_uncertain(changed, good):
    all_ = {
        "contacts": (),
        "state": "done",
        "attempts": 0,
        "double_dials": 0,
        "unseen": 0,
        "unknown": 0,
        "seconds": 0.0,
    }
    assert Result(**{**all_, **changed}, settings=Settings()).good is good


def test_the_promised_json():
    seen = (
        contact(),
        contact(outcome="busy", expected="silent"),
        contact(outcome="", expected="", persona="", rule="slots", state="refused", dials=0, invites=0),
    )
    told = Result(seen, "done", 2, 0, 0, 0, 1.0, Settings()).as_json()
    assert told["outcomes"] == {"busy": 2}
    assert told["refused"] == [{"rule": "slots", "count": 1}]
    assert (told["contacts"], told["attempts"], told["double_dials"], told["unknown"]) == (3, 2, 0, 0)
    assert told["as_expected"] == 1


@pytest.mark.parametrize("option", [["--persona", "silent"], ["--flow", "contract_expiry"]])
def test_it_has_callees_of_its_own(option):
    done = CliRunner().invoke(app, ["demo", "--campaign", *option])
    assert isinstance(done.exception, Wrong)
    assert "leave out --flow and --persona" in str(done.exception)


# ---------------------------------------------------------------- real SIP


@pytest.fixture
def short_sample(tmp_path):
    """Three contacts of the sample, of whom nobody talks for long, and retries at once."""
    folder = tmp_path / "sample"
    shutil.copytree(SAMPLE, folder)
    lines = (SAMPLE / "contacts.csv").read_text("utf-8").splitlines()
    (folder / "contacts.csv").write_text("\n".join([*lines[:4], lines[18]]) + "\n", "utf-8")
    board = {"numbers": {"16200000001": [{"reject": 486, "ring_ms": 100}, "hangs_up.yaml"],
                         "16200000002": {"reject": 404, "ring_ms": 100},
                         "16200000003": {"never": True}}}  # fmt: skip
    (folder / "board.yaml").write_text(yaml.safe_dump(board), "utf-8")
    policy = yaml.safe_load((SAMPLE / "policy.yaml").read_text("utf-8"))
    policy["service"]["gap"] = policy["marketing"]["gap"] = "0min"
    policy["retries"]["busy"] = policy["retries"]["no_answer"] = {"after": "1s"}
    (folder / "policy.yaml").write_text(yaml.safe_dump(policy), "utf-8")
    (folder / "plan.yaml").write_text("{channels: 4, dials: 2, ring_s: 5}", "utf-8")
    return folder


@pytest.mark.sip
async def test_a_short_one_from_the_list_to_what_rang(short_sample, tmp_path, monkeypatch):
    monkeypatch.setenv("VOICEBOT_SIP_PROXY", "sip:203.0.113.1")  # an installation's trunk, which must not be used
    states = []

    def follow(settings, store):
        with store.reading() as connection:
            states.append(book.find(connection, campaign_demo.NAME).state)

    result = await campaign_demo.run(Settings(log_level="ERROR"), follow, home=tmp_path / "var", sample=short_sample)
    assert result.good
    assert result.unseen == 0
    came_of = {one.row: (one.outcome or one.rule, one.dials, one.invites) for one in result.contacts}
    assert came_of == {
        2: ("hung_up", 2, 2),
        3: ("empty_number", 1, 1),
        4: ("no_answer", 2, 2),
        5: ("number", 0, 0),
    }
    assert result.as_expected == 3
    assert {"running", "done"} == set(states)
    assert json.loads(json.dumps(result.as_json()))["outcomes"] == {"hung_up": 1, "empty_number": 1, "no_answer": 1}
    assert result.seconds > 0
