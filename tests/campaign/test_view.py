"""The commands that show campaigns, as a person types them, and what stands on the terminal."""

import io
import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console
from typer.testing import CliRunner

from tests.campaign.seeing import NOW, ZONE, Call, campaign, contact, gate, host, person, refused_row, trunk
from voicebot.campaign import screen
from voicebot.campaign.look import Looker, as_json
from voicebot.campaign.policy import read_policy
from voicebot.campaign.progress import overview
from voicebot.cli import FAULTS, campaign_view
from voicebot.cli.campaign_app import campaign_app
from voicebot.store.fault import StoreFault

SHANGHAI = ZoneInfo(ZONE)
VOICEBOT = [sys.executable, "-m", "voicebot", "campaign"]


@pytest.fixture
def filled(store):
    campaign(store, contacts_accepted=5)
    contact(store, 2, Call("acknowledged", ago=5, talk_s=20, disclosures=("notice", "warning")))
    contact(store, 3, Call("busy", ago=4), state="waiting", due_in=30)
    contact(store, 4, Call("", ago=3, state="unknown"), state="unknown")
    contact(store, 5, state="waiting", due_in=-1)
    refused_row(store, 6, "number", "12345", why="too short")
    gate(store, 2, "gap", until=NOW)
    host(store, "sh-01", channels=4, busy=1)
    trunk(store, failures=5, open_until=NOW + timedelta(minutes=1), why="503 in a row")
    return store


def looker(store, **changed):
    return replace(Looker(store, "c1", read_policy(), ("notice", "warning"), SHANGHAI), **changed)


def shown(store, width=160, **options):
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(screen.screen(looker(store).look(NOW), SHANGHAI, width=width, **options))
    return console.export_text()


@pytest.mark.parametrize("width", [80, 160])
def test_the_screen_has_everything(filled, width):
    text = " ".join(shown(filled, width).split())
    for part in (
        "c1-warning running 进行中 since 10:00", "已完成 done", "拨出 placed", "已告知确认 acknowledged",
        "号码无效 number 1 —", "间隔不足 gap — 1", "接通率 connected 33.3% 1 ÷ 3", "calls answered ÷ calls placed",
        "1 contacts, the first at 14:30", "sh-01 (1/4)", "left alone 熔断 until 14:01:00: 503 in a row",
        "through at", "voicebot campaign unknown c1-warning",
    ):  # fmt: skip
        assert part in text, part


def test_a_low_terminal_goes_without_definitions(filled):
    assert "calls answered" not in shown(filled, definitions=False)
    assert "接通率" in shown(filled, definitions=False)


def test_names_are_no_markup(store):
    campaign(store, name="[bold]x[/]", state="cancelled", state_why="[red]no[/]", ended_at=NOW)
    assert "[bold]x[/]" in shown(store)
    assert "[red]no[/]" in shown(store)
    console = Console(width=160, record=True, file=io.StringIO())
    console.print(screen.table(overview(store), NOW, SHANGHAI, width=160))
    assert "[bold]x[/]" in console.export_text()


def test_one_line_where_there_is_no_terminal(filled):
    line = screen.line(looker(filled).look(NOW), SHANGHAI)
    assert "\n" not in line
    for part in (
        "1 done, 2 to go, 1 refused, 1 unknown",
        "calls 3, answered 1, conversations 1",
        "0.3/min",
        "left alone",
    ):
        assert part in line


def test_calls_are_counted_again_only_when_it_is_worth_it(filled):
    """Counting takes 2 s of this clock, so the count is good for 20 s, unless the campaign is over."""
    seconds = iter([0.0, 2.0, 5.0, 30.0, 32.0])
    looking = looker(filled, clock=lambda: next(seconds))
    assert looking.look(NOW).progress.tally.dialled == 3
    contact(filled, 20, Call("busy"))
    seen = looking.look(NOW).progress
    assert (seen.tally.dialled, seen.dials) == (3, 4)
    assert looking.look(NOW).progress.tally.dialled == 4


def test_the_last_look_is_exact(store):
    campaign(store, state="done", ended_at=NOW)
    contact(store, 2, Call("busy"))
    looking = looker(store, clock=lambda: 0.0)
    looking.look(NOW)
    contact(store, 3, Call("busy"))
    assert looking.look(NOW).progress.tally.dialled == 2


def test_what_waits_in_a_paused_campaign_is_said_to_wait_for_it(run, filled):
    campaign(filled, "c2", state="paused")
    contact(filled, 2, campaign="c2", state="waiting")
    assert "paused 已暂停" in run("why", "c2-warning", "2").stdout
    assert "not while" not in run("why", "c1-warning", "5").stdout


def test_for_programs(filled):
    told = json.loads(json.dumps(as_json(looker(filled).look(NOW))))
    assert (told["state"], told["dialled"], told["connected"], told["conversed"], told["unknown"]) == (
        "running",
        3,
        1,
        1,
        1,
    )
    assert told["contacts"]["refused"] == 1
    assert {"rule": "number", "contacts": 1, "times": 0} in told["refused"]
    assert {kpi["name"]: kpi["value"] for kpi in told["kpis"]}["connect_rate"] == pytest.approx(1 / 3)
    assert told["trunk"]["open"]


# ------------------------------------------------------------ the commands


@pytest.fixture
def run(filled, database_url, tmp_path, monkeypatch):
    """The command in this process: a new one takes seconds to start."""
    monkeypatch.setenv("VOICEBOT_DATABASE_URL", database_url)
    monkeypatch.chdir(tmp_path)
    runner = CliRunner()
    return lambda *arguments: runner.invoke(campaign_app, arguments)


def test_status_of_all_and_of_one(run):
    assert "c1-warning" in run("status").stdout
    assert json.loads(run("status", "--json").stdout)[0]["dialled"] == 3
    assert "已告知确认" in run("status", "c1-warning").stdout
    assert json.loads(run("status", "c1-warning", "--json").stdout)["campaign"] == "c1-warning"


def test_watching_ends_with_the_campaign(run, filled):
    campaign(filled, "c2", state="done", ended_at=NOW)
    done = run("status", "c2-warning", "--watch", "--every", "0.2")
    assert (done.exit_code, len(done.stdout.splitlines())) == (0, 1)
    assert "done" in done.stdout


def test_export_and_why(run, filled, tmp_path):
    done = run("export", "c1-warning", "--to", "c.xlsx", "--by", "ops")
    assert done.exit_code == 0, done.exception
    assert "5 contacts, 3 attempts, 2 refusals; masked 已脱敏" in done.stdout
    assert (tmp_path / "c.xlsx").exists()
    person(filled, "cy", "compliance")
    told = run("export", "c1-warning", "--to", "r.csv", "--what", "refusals", "--by", "cy", "--unmasked", "--json")
    assert json.loads(told.stdout) == {"file": "r.csv", "masked": False, "rows": {"refusals": 2}}
    story = run("why", "c1-warning", "3")
    assert "gate (enqueue 入队): not now 暂不拨打  gap 间隔不足" in story.stdout
    assert json.loads(run("why", "c1-warning", "3", "--json").stdout)["row"] == 3


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["status", "nope"], "campaign list"),
        (["status", "--watch"], "give its name"),
        (["why", "c1-warning", "77"], "no contact"),
        (["export", "nope", "--to", "a.csv"], "campaign list"),
        (["export", "c1-warning", "--to", "a.doc"], ".xlsx"),
        (["export", "c1-warning", "--to", "none/a.csv"], "no such file"),
        (["export", "c1-warning", "--to", "a.csv", "--unmasked", "--by", "nobody"], "supervisor"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(run, tmp_path, arguments, told):
    done = run(*arguments)
    assert isinstance(done.exception, FAULTS)  # which the command line tells as one line
    assert told in str(done.exception)
    assert len(str(done.exception).splitlines()) == 1
    assert done.stdout == ""
    assert not list(tmp_path.glob("*.csv"))


def test_ctrl_c_ends_watching_in_order(filled, database_url):
    """On a terminal, as a person does it; what was seen last stays there."""
    terminal, its_end = pty.openpty()
    watching = subprocess.Popen(
        [*VOICEBOT, "status", "c1-warning", "--watch", "--every", "0.2"],
        env=os.environ | {"VOICEBOT_DATABASE_URL": database_url}, stdin=its_end, stdout=its_end, stderr=its_end,
    )  # fmt: skip
    os.close(its_end)
    seen, deadline, pressed = b"", time.monotonic() + 60, False
    while time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.5)[0]:
            try:
                seen += os.read(terminal, 65536)
            except OSError:  # the other side has closed it
                break
        if not pressed and seen.count(b"c1-warning") >= 2:  # drawn, and drawn again
            watching.send_signal(signal.SIGINT)
            pressed = True
    os.close(terminal)
    assert watching.wait(10) == 0
    assert b"Traceback" not in seen


def test_a_database_that_is_away_for_a_moment_ends_no_watch(filled, monkeypatch):
    answers = iter([StoreFault("away"), None, StoreFault("gone", permanent=True)])
    real = Looker.look

    def look(self, now):
        if (fault := next(answers)) is not None:
            raise fault
        return real(self, now)

    looking = looker(filled)
    first = looking.look(datetime.now(UTC))
    monkeypatch.setattr(Looker, "look", look)
    pictures = campaign_view._pictures(looking, 0, first)
    assert next(pictures) is first
    assert next(pictures).progress.dials == 3  # the one after the database came back
    with pytest.raises(StoreFault, match="gone"):
        next(pictures)
