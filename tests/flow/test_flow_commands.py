"""The commands for those who write scripts, run as typed: chat, test, check."""

import json
import shutil
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from voicebot.cli import app
from voicebot.settings import Settings

FLOWS = Settings().flows_dir


@pytest.fixture
def voicebot():
    """`voicebot("flow", "chat", …, typed="我是\\n")`: its output and exit code."""
    runner = CliRunner()
    return lambda *arguments, typed="": runner.invoke(app, arguments, input=typed)


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A folder of scripts of one's own: a copy of margin_call and its shared parts."""
    folder = tmp_path / "flows"
    shutil.copytree(FLOWS / "margin_call", folder / "margin_call")
    shutil.copytree(FLOWS / "shared", folder / "shared")
    monkeypatch.setenv("VOICEBOT_FLOWS_DIR", str(folder))
    return folder


def edit(file, old, new):
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


# ---------------------------------------------------------------- chat


def test_a_chat_shows_what_is_said_meant_and_done(voicebot):
    done = voicebot("flow", "chat", "margin_call", "--slot", "name=李丽", typed="对我是\n\n我明天转二十万进去\n(按1)\n")
    assert done.exit_code == 0
    for part in (
        "the sample contact",
        "李丽先生您好",
        "[notice]",
        "step warning",
        "identity_confirm 0.9",
        "（静默）",
        "amount=200000",
        "→ affirm",
        "已承诺处理 will_do",
        "lead plan_amount=200000.00",
        "notice, warning",
        "bye_amount",
    ):
        assert part in done.stdout


def test_the_end_of_what_is_typed_is_a_hang_up(voicebot):
    done = voicebot("flow", "chat", "margin_call", typed="（按x）\n比例多少\n")
    assert done.exit_code == 0
    assert "no such gesture" in done.stdout
    assert "中途挂断 hung_up" in done.stdout


def test_a_contact_of_ones_own(voicebot, tmp_path):
    file = tmp_path / "c.json"
    slots = {"firm": "甲证券", "name": "李丽", "title": "女士", "ratio": "128", "line": "140", "level": "预警"}
    file.write_text(json.dumps(slots, ensure_ascii=False), encoding="utf-8")
    done = voicebot("flow", "chat", "margin_call", "--contact", str(file), typed="（挂断）\n")
    assert "李丽女士您好，这里是甲证券" in done.stdout
    assert "sample" not in done.stdout


def test_a_script_that_is_switched_off_may_be_tried(voicebot, own):
    edit(own / "margin_call" / "flow.yaml", "\nstart: opening", "\noff: 等合规批准\nstart: opening")
    done = voicebot("flow", "chat", "margin_call", typed="（挂断）\n")
    assert done.exit_code == 0
    assert "等合规批准" in done.stdout
    tested = voicebot("flow", "test", "margin_call")
    assert tested.exit_code == 0
    assert "switched off" in tested.stdout


def test_with_a_voice_the_script_gets_what_was_heard(voicebot, tmp_path):
    saved = tmp_path / "sound"
    typed = "☺\n对我是\n（挂断）\n"
    done = voicebot("flow", "chat", "margin_call", "--voice", "--save", str(saved), typed=typed)
    assert done.exit_code == 0, done.output
    assert "synthetic" in done.stdout
    assert "nothing speakable" in done.stdout
    assert "对我是 → 听到 heard 对我是" in done.stdout
    assert "step warning" in done.stdout
    assert [file.name for file in sorted(saved.iterdir())][:3] == [
        "01-robot-notice.wav", "02-robot-is_it_you.wav", "03-callee.wav",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nobody"], "there is no such flow"),
        (["margin_call", "--slot", "ratio=很低"], "ratio: no percent"),
        (["margin_call", "--slot", "ratio"], "name=value"),
        (["margin_call", "--save", "x"], "--voice"),
        (["margin_call", "--contact", "nowhere.yaml"], "nowhere.yaml"),
    ],
)
def test_a_chat_that_cannot_be(voicebot, arguments, told):
    done = voicebot("flow", "chat", *arguments)
    assert done.exit_code != 0
    assert told in str(done.exception)


# ---------------------------------------------------------------- test


def test_cases_that_pass_and_what_they_cover(voicebot, tmp_path):
    file = tmp_path / "j.xml"
    done = voicebot("flow", "test", "margin_call", "--json", "--least", "95", "--junit", str(file))
    assert done.exit_code == 0
    [flow] = json.loads(done.stdout)["flows"]
    assert flow["failed"] == 0
    assert flow["passed"] == len(flow["cases"])
    assert flow["coverage"]["branches"]["percent"] >= 95
    assert len(ElementTree.fromstring(file.read_bytes()).findall("testsuite/testcase")) == flow["passed"]


def test_a_case_that_fails_is_told_with_its_line(voicebot, own):
    edit(own / "margin_call" / "cases.yaml", "disposition: will_do", "disposition: refuse")
    done = voicebot("flow", "test")
    assert done.exit_code == 1
    assert "cases.yaml:6: " in done.stdout
    assert "disposition: refuse wanted, will_do came" in done.stdout
    assert "[ask_plan]" in done.stdout
    assert "no case takes" not in voicebot("flow", "test", "--no-coverage").stdout


def test_too_little_tried_fails_when_asked_for(voicebot, own):
    cases = own / "margin_call" / "cases.yaml"
    lines = cases.read_text(encoding="utf-8").splitlines()
    second = [n for n, line in enumerate(lines) if line.startswith("  - name")][1]
    cases.write_text("\n".join(lines[:second]) + "\n", encoding="utf-8")
    assert voicebot("flow", "test").exit_code == 0
    low = voicebot("flow", "test", "--least", "95")
    assert low.exit_code == 1
    assert "under 95 %" in low.stdout


def test_a_script_with_errors_fails_without_hiding_the_others(voicebot, own):
    shutil.copytree(own / "margin_call", own / "broken")
    done = voicebot("flow", "test", "--json")
    assert done.exit_code == 1
    told = json.loads(done.stdout)
    assert [flow["flow"] for flow in told["flows"]] == ["margin_call"]
    assert [error["code"] for error in told["errors"]] == ["name"]


def test_no_case_of_that_name(voicebot):
    done = voicebot("flow", "test", "--case", "没有这一条")
    assert done.exit_code == 1
    assert "没有这一条" in str(done.exception)


# ---------------------------------------------------------------- check


def check(done):
    told = json.loads(done.stdout)
    assert set(told) == {"errors", "warnings"}
    for row in told["errors"] + told["warnings"]:
        assert set(row) == {"file", "line", "code", "message", "fix"}
    return [row["code"] for row in told["errors"]], [row["code"] for row in told["warnings"]]


def test_what_no_case_tries_is_a_warning(voicebot, own):
    cases = own / "margin_call" / "cases.yaml"
    lines = cases.read_text(encoding="utf-8").splitlines()
    second = [n for n, line in enumerate(lines) if line.startswith("  - name")][1]
    cases.write_text("\n".join(lines[:second]) + "\n", encoding="utf-8")
    done = voicebot("flow", "check", "--json")
    errors, warnings = check(done)
    assert (done.exit_code, errors) == (0, [])
    assert {"untested_step", "untested_branch"} == set(warnings)
    cases.unlink()
    assert check(voicebot("flow", "check", "margin_call", "--json")) == ([], ["no_cases"])


def test_one_script_its_folder_or_a_folder_of_scripts(voicebot, own):
    shutil.copytree(own / "margin_call", own / "second")
    edit(own / "second" / "flow.yaml", "name: margin_call", "name: second")
    edit(own / "second" / "cases.yaml", "disposition: will_do", "disposition: rich")
    assert check(voicebot("flow", "check", "margin_call", "--json"))[0] == []
    assert check(voicebot("flow", "check", str(own / "margin_call"), "--json"))[0] == []
    for several in ((), (str(own),)):
        done = voicebot("flow", "check", *several, "--json")
        assert done.exit_code == 1
        assert check(done)[0] == ["case"]
    assert check(voicebot("flow", "check", "nobody", "--json"))[0] == ["no_such_flow"]
    empty = voicebot("flow", "check", str(own / "shared"))
    assert empty.exit_code == 1
    assert "no scripts in it" in str(empty.exception)
