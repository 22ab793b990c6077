"""The commands as a person types them, in this process; faults are what `main` tells in a line."""

import getpass
import json
import shutil

import pytest
from sqlalchemy import select, update
from typer.testing import CliRunner

from tests.campaign.campaigns import FLOW, add_staff, make
from tests.campaign.test_decisions import add_attempt
from voicebot.campaign.fault import CampaignFault
from voicebot.campaign.plan import Plan
from voicebot.cli import FAULTS, app
from voicebot.cli.terminal import Wrong
from voicebot.settings import ROOT
from voicebot.store.campaign_tables import contacts


@pytest.fixture
def flows(tmp_path):
    """Scripts of our own, to be changed."""
    folder = tmp_path / "flows"
    for name in (FLOW.name, "shared"):
        shutil.copytree(ROOT / "dialog_flows" / name, folder / name)
    return folder


@pytest.fixture
def run(database_url, flows, monkeypatch):
    monkeypatch.setenv("VOICEBOT_DATABASE_URL", database_url)
    monkeypatch.setenv("VOICEBOT_FLOWS_DIR", str(flows))

    def command(*arguments):
        done = CliRunner().invoke(app, arguments)
        if isinstance(done.exception, FAULTS):
            raise done.exception
        assert done.exit_code == 0, done.output
        return done.output

    return command


@pytest.fixture
def staffed(store):
    add_staff(store)
    return store


def test_from_draft_to_the_end(run, staffed):
    make(staffed, "spring", refused=["number", "duplicate"])
    assert "possible now: approve, reject, change, cancel" in run("campaign", "submit", "spring", "--by", "ann")
    shown = run("campaign", "show", "spring")
    for part in ("submitted 待审批", FLOW.script.title, FLOW.version[:12], "3 of 5 rows", "duplicate 1", "none 无"):
        assert part in shown
    assert "is approved" in run("campaign", "approve", "spring", "--by", "cy", "--why", "read it all")
    assert "by cy" in run("campaign", "show", "spring")
    assert "holds 有效" in run("campaign", "show", "spring")
    assert "is running" in run("campaign", "start", "spring", "--by", "su")
    assert "is paused" in run("campaign", "pause", "spring", "--by", "su")
    assert "is running" in run("campaign", "resume", "spring", "--by", "su")
    assert "is cancelled 已取消\n" in run("campaign", "cancel", "spring", "--by", "su", "--why", "enough [of it]")
    log = run("campaign", "log", "spring")
    assert "cy  approved: read it all" in log
    assert "su  cancelled: enough [of it]" in log
    entries = json.loads(run("campaign", "log", "spring", "--json"))
    assert [entry["seq"] for entry in entries] == list(range(1, 8))
    assert entries[2]["data"]["contacts_sha256"] == json.loads(run("campaign", "list", "--json"))[0]["contacts_sha256"]


def test_start_before_approval(run, staffed):
    make(staffed)
    with pytest.raises(CampaignFault, match="`start` needs approved; possible now: submit, change, cancel"):
        run("campaign", "start", "spring", "--by", "su")


def test_a_script_changed_on_disk_voids(run, staffed, flows):
    make(staffed)
    run("campaign", "submit", "spring", "--by", "ann")
    run("campaign", "approve", "spring", "--by", "cy")
    file = flows / FLOW.name / "flow.yaml"
    file.write_text(file.read_text("utf-8") + "# another word\n", "utf-8")
    assert "no longer holds: the script 话术 changed" in run("campaign", "show", "spring")
    told = json.loads(run("campaign", "show", "spring", "--json"))
    assert told["problems"][0].startswith("the script 话术 was changed")
    with pytest.raises(CampaignFault, match="the approval is void"):
        run("campaign", "start", "spring", "--by", "su")
    assert json.loads(run("campaign", "list", "--json"))[0]["state"] == "draft"
    assert "system" not in run("campaign", "log", "spring")


def test_a_script_that_is_broken_can_still_be_shown(run, staffed, flows):
    make(staffed)
    (flows / FLOW.name / "flow.yaml").write_text("nothing: here\n", "utf-8")
    assert "! the script 话术 cannot be used" in run("campaign", "show", "spring")


def test_change(run, staffed, tmp_path):
    make(staffed)
    plan = tmp_path / "plan.yaml"
    plan.write_text("channels: 9\n", "utf-8")
    assert "is draft" in run("campaign", "change", "spring", "--plan", str(plan), "--by", "bo")
    assert "'channels': [4, 9]" in run("campaign", "log", "spring")
    plan.write_text("chanels: 9\n", "utf-8")
    with pytest.raises(CampaignFault, match="chanels"):
        run("campaign", "change", "spring", "--plan", str(plan), "--by", "bo")
    plan.write_text("per_day: 9\n", "utf-8")
    with pytest.raises(CampaignFault, match="per_day: 9 is more than the policy's 3"):
        run("campaign", "change", "spring", "--plan", str(plan), "--by", "bo")


def test_show_names_what_lies_beyond_the_policy(run, staffed):
    make(staffed, plan=Plan(per_day=9))
    assert "! beyond the policy 超出制度: per_day: 9" in run("campaign", "show", "spring")


def test_list(run, staffed):
    assert "there are none" in run("campaign", "list")
    make(staffed, "spring")
    make(staffed, "autumn", state="running", plan=Plan(priority=90))
    assert [line.split()[0] for line in run("campaign", "list").splitlines()] == ["autumn", "spring"]
    assert run("campaign", "list", "--state", "draft").startswith("spring  draft 草稿")


@pytest.mark.parametrize("command", ["show", "log", "unknown", "submit", "pause"])
def test_no_such_campaign(run, staffed, command):
    with pytest.raises(CampaignFault, match="no campaign is called 'x': `voicebot campaign list`"):
        run("campaign", command, "x", *(["--by", "su"] if command in ("submit", "pause") else []))


def test_who_acts_is_who_is_logged_in(run, staffed, monkeypatch):
    make(staffed)
    monkeypatch.setattr(getpass, "getuser", lambda: "ann")
    run("campaign", "submit", "spring")

    def nobody():
        raise OSError("no username set in the environment")

    monkeypatch.setattr(getpass, "getuser", nobody)
    with pytest.raises(Wrong, match="--by NAME"):
        run("campaign", "approve", "spring")


def test_unknown_and_decide(run, staffed):
    make(staffed, state="running")
    assert run("campaign", "unknown", "spring") == "nothing is unknown\n"
    with staffed.writing() as connection:
        for row in (1, 2):
            contact = connection.execute(select(contacts.c.id).where(contacts.c.row == row)).scalar_one()
            add_attempt(connection, contact)
            mine = update(contacts).where(contacts.c.id == contact)
            connection.execute(mine.values(state="unknown", outcome="unknown", attempts=1))
    shown = run("campaign", "unknown", "spring")
    assert "row 1" in shown
    assert "138****0002" in shown
    assert "13800000002" not in shown + run("campaign", "unknown", "spring", "--json")

    def decided(row, choice):
        return run("campaign", "decide", "spring", row, choice, "--by", "su", "--why", "silent")

    assert "row 1 will be called again" in decided("1", "redial")
    assert "row 2 is closed" in decided("2", "close")
    assert json.loads(run("campaign", "unknown", "spring", "--json")) == []


def test_people(run):
    assert "nobody yet" in run("people", "list")
    assert (
        run("people", "add", "li", "--role", "operations", "--role", "advisor") == "li  operations 运营, advisor 投顾\n"
    )
    assert "removed 已停用" in run("people", "remove", "li")
    [person] = json.loads(run("people", "list", "--json"))
    assert (person["name"], person["roles"], person["active"]) == ("li", ["operations", "advisor"], False)
    with pytest.raises(CampaignFault, match="'boss' is no role"):
        run("people", "add", "li", "--role", "boss")
