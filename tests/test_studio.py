"""`voicebot tts studio`: the speaker's list, and accepting what was recorded."""

from __future__ import annotations

import csv
import json
import shutil

import pytest
from typer.testing import CliRunner

from tests import takes
from voicebot.cli import app
from voicebot.flow.loading import draft, find
from voicebot.flow.pieces import cut_up


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("VOICEBOT_FLOWS_DIR", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "120")
    return shutil.copytree(find("margin_call"), tmp_path / "margin_call")


def studio(*arguments, code=0):
    done = CliRunner().invoke(app, ["tts", "studio", "margin_call", *arguments])
    assert done.exit_code == code, (done.output, done.exception)
    return done.stdout


def test_the_list_shows_what_to_say_and_around_what(folder):
    _, flow = draft(folder)
    pieces = sum(len(cut_up(prompt)) for prompt in flow.prompts.values())
    assert pieces > 80
    text = studio()
    assert "warning.a2.wav" in text
    assert "您是」王建国先生吗？" in text
    assert f"{pieces} pieces" in text
    assert f"missing {pieces} (" in text


def test_json_tells_everything(folder):
    takes.write(folder / "audio" / "hardship.wav", takes.syllables(18))
    data = json.loads(studio("--json", code=1))
    rows = {row["file"]: row for row in data["pieces"]}
    assert rows["warning.a3.wav"] == {
        "file": "warning.a3.wav",
        "words": "，低于警戒线",
        "before": rows["warning.a3.wav"]["before"],
        "after": rows["warning.a3.wav"]["after"],
        "state": "missing",
        "rate_hz": None,
        "seconds": None,
        "characters": 5,
        "prompt": "warning",
    }
    assert rows["warning.a3.wav"]["before"].endswith("比例为百分之一百二十八点五")
    assert rows["warning.a3.wav"]["after"].startswith("百分之一百四十，需追加担保物十二万元，")
    assert rows["confirm_amount.a1.wav"]["after"] == "{plan_amount}，对吗？对请按一，不对请按二。"
    silent = rows["hardship.wav"]
    assert (silent["state"], silent["rate_hz"]) == ("not accepted", 44100)
    assert data["summary"]["missing_pieces"] == len(rows) - 1
    [problem] = data["problems"]
    assert problem["code"] == "unaccepted_audio"
    data = json.loads(studio("--accept", "--json"))
    assert data["accepted"] == ["hardship.wav"]
    assert data["problems"] == []
    assert data["summary"]["ready_pieces"] == 1


def test_csv_opens_in_excel(folder, tmp_path):
    file = tmp_path / "list.csv"
    studio("--csv", str(file))
    assert file.read_bytes().startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(file.read_text(encoding="utf-8-sig").splitlines()))
    assert {row["file"]: row["words"] for row in rows}["notice.a1.wav"] == "您好，这里是"
    assert {row["state"] for row in rows} == {"missing"}


def test_what_cannot_be_used_is_told_and_ends_in_one(folder):
    takes.write(folder / "audio" / "hardship.wav", takes.syllables(18, 11025), 11025)
    for arguments in ([], ["--accept"]):
        text = studio(*arguments, code=1)
        assert "audio/hardship.wav:1: error: 11025 Hz" in text
        assert "[bad_audio]" in text


def test_a_script_with_other_mistakes_is_mended_first(folder):
    (folder / "flow.yaml").write_text("name: margin_call\n", encoding="utf-8")
    done = CliRunner().invoke(app, ["tts", "studio", "margin_call"])
    assert done.exit_code == 1
    assert type(done.exception).__name__ == "FlowError"  # `voicebot` prints it in a line (tests/test_cli.py)


def test_a_csv_that_cannot_be_written(folder, tmp_path):
    done = CliRunner().invoke(app, ["tts", "studio", "margin_call", "--csv", str(tmp_path / "no" / "list.csv")])
    assert type(done.exception).__name__ == "Wrong"
    assert "no such file or directory" in str(done.exception)
