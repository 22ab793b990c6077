"""Cases over real SIP: what is spoken, pressed, kept silent and hung up there, held against the case; and the demo of a
brand-new script.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from voicebot import events
from voicebot.flow.cases import differences
from voicebot.flow.replay import tryable
from voicebot.flow.sample import sample_slots
from voicebot.trial import call_of

FLOW = """\
name: short
title: 短话术
kind: service
off: 仅供测试
start: opening
out_of_turns: bye
ear_lost: bye
slots:
  firm: {type: text, before_identity: true}
  when: {type: datetime, source: callee, hears: callback_time, before_identity: true}
disclosures: {notice: {}}
urgent:
  - {heard: do_not_call, outcome: do_not_call, do: do_not_call, goto: bye}
anywhere:
  - {heard: [busy, callback], given: when, outcome: callback, do: {act: callback, slots: when}, goto: bye}
steps:
  opening:
    say: [notice, who]
    listen:
      silence_s: 2
      keys: {1: identity_confirm}
      ask_again: who
      no_input: {say: who, goto: bye}
      not_understood: {say: who, goto: bye}
      branches:
        - {heard: [identity_confirm, affirm], identified: true, goto: told}
  told:
    outcome: refuse
    say: thanks
    goto: bye
  bye: {outcome: not_understood, say: bye, end: true}
prompts:
  notice: {disclosure: notice, text: "{firm}，人工智能合成语音，通话录音。"}
  who: 是本人吗？
  thanks: 好的。
  bye: 再见。
"""
CASES = """\
now: 2026-11-23 10:00
cases:
  - name: 说是本人
    callee: [对我是]
    path: [opening, told, bye]
    disposition: refuse
    says: [thanks]
  - name: 静默一次再按键
    callee: [（静默）, （按1）]
    path: [opening, told, bye]
    disposition: refuse
    disclosed: [notice]
  - name: 告知没听完就挂断
    callee: [（挂断 notice）]
    path: [opening]
    disposition: hung_up
  - name: 听不见
    callee: [（听不见）]
    path: [opening, bye]
    disposition: not_understood
  - name: 写错的一例
    callee: [（按1）]
    path: [opening, bye]
    disposition: refuse
"""


@pytest.fixture
def short(tmp_path):
    folder = tmp_path / "short"
    folder.mkdir()
    (folder / "flow.yaml").write_text(FLOW, encoding="utf-8")
    (folder / "cases.yaml").write_text(CASES, encoding="utf-8")
    (folder / "sample.yaml").write_text("firm: 甲证券\n", encoding="utf-8")
    return folder


def voicebot(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    own = {
        "VOICEBOT_DATABASE_URL": f"sqlite:///{folder}/voicebot.db",
        "VOICEBOT_RECORDINGS_DIR": str(folder / "recordings"),
        "VOICEBOT_TTS_CACHE_DIR": str(folder / "tts"),
    }
    return subprocess.run(
        [sys.executable, "-m", "voicebot", *arguments],
        env=os.environ | own,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )


@pytest.mark.sip
def test_cases_over_sip(short, tmp_path):
    done = voicebot("flow", "test", str(short), "--sip", "--parallel", "2", "--json", folder=tmp_path)
    [flow] = json.loads(done.stdout)["flows"]
    told = {case["name"]: case for case in flow["cases"]}
    assert done.returncode == 1  # one case is wrong
    for name in ("说是本人", "静默一次再按键", "告知没听完就挂断"):
        assert told[name]["passed"], told[name]
    assert "in a real call" in told["听不见"]["skipped"]
    assert told["写错的一例"]["differences"] == ["path: opening → bye wanted, opening → told → bye came"]
    assert not (tmp_path / "voicebot.db").exists()  # a trial leaves no record


@pytest.mark.sip
def test_a_brand_new_script_is_demonstrated_by_its_first_case(short, tmp_path):
    done = voicebot("demo", "--flow", str(short), "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert (record["flow"], record["disposition"]) == ("short", "refuse")
    assert any(turn["role"] == "callee" for turn in record["turns"])


def test_a_script_without_cases_cannot_be_demonstrated_alone(short, tmp_path):
    (short / "cases.yaml").unlink()
    done = voicebot("demo", "--flow", str(short), folder=tmp_path)
    assert done.returncode == 1
    assert "cases.yaml" in done.stderr
    assert "Traceback" not in done.stderr


# ---------------------------------------------------------------- a call, from its events


def record(outcome):
    """All that is read of a record."""
    return SimpleNamespace(disposition=outcome)


def said(prompt, text, start, end, complete=True):
    return events.Said(at_ms=end, prompt=prompt, text=text, start_ms=start, end_ms=end, complete=complete)


def test_the_path_of_a_call_comes_from_its_events(short):
    script = tryable(short)
    now = datetime(2026, 11, 23, 10, 0)
    slots = sample_slots(short, now)
    happened = [
        events.Answered(0),
        events.DtmfReceived(500, "1"),  # over the notice: it waits until that was heard
        said("notice", "…", 100, 4000),
        said("who", "…", 4100, 4200, complete=False),
        said("thanks", "好的。", 4300, 4900),
        said("bye", "再见。", 5000, 5600),
        events.Ended(6000, "completed", 200),
    ]
    call = call_of(script.flow, slots, now, record("refuse"), happened)
    assert call.state.path == ("opening", "told", "bye")
    assert call.state.disclosed == {"notice"}
    assert [line.identified for line in call.lines if line.role == "robot"] == [False, False, True, True]
    assert list(differences(script.file.content.cases[0], call)) == []


def test_what_was_heard_is_what_the_script_got(short):
    script = tryable(short)
    now = datetime(2026, 11, 23, 10, 0)
    happened = [
        events.Answered(0),
        said("notice", "…", 100, 4000),
        said("who", "…", 4100, 4800),
        events.SilenceNoticed(7000),
        said("who", "…", 7100, 7800),
        events.Heard(9000, "明天下午三点再打吧", 0.9, 8000, 8900),
        events.Understood(9000, (("callback", 0.9),), (("callback_time", "明天下午三点", "2026-11-24T15:00"),)),
        events.Acted(9000, "callback", {"when": "2026-11-24T15:00"}),
        said("bye", "再见。", 9500, 9900),
        events.Ended(6000, "completed", 200),
    ]
    call = call_of(script.flow, sample_slots(short, now), now, record("callback"), happened)
    assert call.state.path == ("opening", "bye")
    assert call.state.taken == ("opening:no_input:1", "anywhere:0")
    assert [act.kind for act in call.acts] == ["callback"]
