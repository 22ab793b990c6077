"""Bad input at the edge: one clear line, a non-zero exit code, nothing half-written, never a traceback."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from voicebot.settings import Settings

SLOTS = {
    "firm": "海川证券",
    "name": "王建国",
    "title": "先生",
    "level": "追保",
    "ratio": "128.5",
    "line": "140",
    "shortfall": "120000",
    "deadline": "2099-01-05 15:00",
}


def voicebot(*arguments: str, folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """The command, as a person would type it, on a database and recordings of its own."""
    own = {
        "VOICEBOT_DATABASE_URL": f"sqlite:///{folder}/voicebot.db",
        "VOICEBOT_RECORDINGS_DIR": str(folder / "recordings"),
        "VOICEBOT_TTS_CACHE_DIR": str(folder / "tts"),
    }
    return subprocess.run(
        [sys.executable, "-m", "voicebot", *arguments],
        env=os.environ | own | env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def refused(done: subprocess.CompletedProcess[str], *told: str) -> None:
    assert done.returncode not in (0, 130), done.stdout
    assert "Traceback" not in done.stderr + done.stdout
    lines = done.stderr.strip().splitlines()
    assert lines, "nothing was said"
    for part in told:
        assert part in done.stderr, done.stderr
    assert done.stdout.strip() == ""


def slots(**changed: str | None) -> list[str]:
    values = {name: value for name, value in (SLOTS | changed).items() if value is not None}
    return [f"--slot={name}={value}" for name, value in values.items()]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--to", "sip:a@127.0.0.1:9", "--flow", "no_such_flow", *slots()], ["no_such_flow", "margin_call"]),
        (["--to", "sip:a@127.0.0.1:9", *slots(ratio=None)], ["ratio: missing"]),
        (["--to", "sip:a@127.0.0.1:9", *slots(ratio="很低")], ["ratio", "percent"]),
        (["--to", "sip:a@127.0.0.1:9", *slots(shortfall="-5")], ["shortfall"]),
        (["--to", "sip:a@127.0.0.1:9", *slots(deadline="2099-02-30 15:00")], ["deadline"]),
        (["--to", "sip:a@127.0.0.1:9", *slots(), "--slot", "colour=red"], ["colour"]),
        (["--to", "sip:a@127.0.0.1:9", "--slot", "name"], ["name=value"]),
        (["--to", "12ab34", *slots()], ["12ab34"]),
        (["--to", "sip:@nowhere:99999", *slots()], ["sip:"]),
        (["--to", "sip:a@127.0.0.1:notaport", *slots()], ["sip:"]),
        (["--to", "", *slots()], []),
    ],
)
def test_a_call_that_cannot_be_right_is_refused_before_anything_is_written(tmp_path, arguments, told):
    done = voicebot("call", *arguments, folder=tmp_path)
    refused(done, *told)
    assert len(done.stderr.strip().splitlines()) == 1
    assert not list(tmp_path.glob("recordings/**/*.wav"))
    assert not (tmp_path / "voicebot.db").exists()


def test_a_broken_script_is_told_with_its_file_and_line(tmp_path):
    folder = tmp_path / "flows" / "margin_call"
    shutil.copytree(Settings().flows_dir / "margin_call", folder)
    text = (folder / "flow.yaml").read_text().splitlines()
    text.insert(30, "  broken: [unclosed")
    (folder / "flow.yaml").write_text("\n".join(text))
    done = voicebot("demo", folder=tmp_path, VOICEBOT_FLOWS_DIR=str(tmp_path / "flows"))
    assert done.returncode == 1
    assert "flow.yaml:3" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("content", "line"),
    [("about: x\nexpect: will_do\nturns: [", "4"), ("about: x\nexpect: will_do\ncolour: red\n", "3"), ("- a\n", "1")],
)
def test_a_persona_that_cannot_be_read_is_told_with_its_file_and_line(tmp_path, content, line):
    file = tmp_path / "odd.yaml"
    file.write_text(content)
    for command in ("softphone", "demo"):
        done = voicebot(command, "--persona", str(file), "--json", folder=tmp_path)
        refused(done, f"odd.yaml:{line}")


def test_a_persona_that_is_not_there(tmp_path):
    refused(voicebot("softphone", "--persona", "nobody", folder=tmp_path), "nobody", "cooperative")


def test_a_board_that_cannot_be_read(tmp_path):
    file = tmp_path / "board.yaml"
    file.write_text("numbers:\n  16200000001: nobody\n", encoding="utf-8")
    refused(voicebot("softphone", "--board", str(file), folder=tmp_path), "board.yaml:2", "nobody")
    refused(voicebot("softphone", "--board", str(file), "--persona", "silent", folder=tmp_path), "--persona")


def test_a_port_in_use(tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = str(other.getsockname()[1])
        refused(voicebot("softphone", "--persona", "silent", "--port", port, folder=tmp_path), port)
        done = voicebot("call", "--to", "sip:a@127.0.0.1:9", *slots(), folder=tmp_path, VOICEBOT_SIP_PORT=port)
        refused(done, port)


def test_a_model_that_is_not_there_or_damaged(tmp_path):
    models = tmp_path / "models"
    shutil.copytree(Settings().asr_models_dir / Settings().asr_model, models / "cut")
    mdl = models / "cut" / "am" / "final.mdl"
    mdl.write_bytes(mdl.read_bytes()[:1000])
    wav = tmp_path / "a.wav"
    assert voicebot("tts", "say", "您好", "-o", str(wav), folder=tmp_path).returncode == 0
    transcribe = ["asr", "transcribe", str(wav), "--model"]
    refused(voicebot(*transcribe, "nope", folder=tmp_path, VOICEBOT_ASR_MODELS_DIR=str(models)), "nope")
    refused(voicebot(*transcribe, "cut", folder=tmp_path, VOICEBOT_ASR_MODELS_DIR=str(models)), "final.mdl")
    done = voicebot(
        "call", "--to", "sip:a@127.0.0.1:9", *slots(),
        folder=tmp_path, VOICEBOT_ASR_MODELS_DIR=str(models), VOICEBOT_ASR_MODEL="cut",
    )  # fmt: skip
    refused(done, "final.mdl")


def test_models_are_listed_with_the_damaged_ones_among_them(tmp_path):
    models = tmp_path / "models"
    shutil.copytree(Settings().asr_models_dir / Settings().asr_model, models / "mine")
    (models / "mine" / "am" / "final.mdl").unlink()
    done = voicebot("models", "list", folder=tmp_path, VOICEBOT_ASR_MODELS_DIR=str(models))
    assert done.returncode == 0
    assert "final.mdl is missing" in done.stdout
    done = voicebot("models", "list", "--json", folder=tmp_path, VOICEBOT_ASR_MODELS_DIR=str(tmp_path / "none"))
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert rows["vosk-model-small-cn-0.22"]["state"] == "available"


def test_a_model_is_pulled_from_a_file_and_loads(tmp_path):
    """The embedded model in a small archive of its own stands for an official one."""
    models = tmp_path / "models"
    archive = shutil.make_archive(str(tmp_path / "a"), "zip", Settings().asr_models_dir, base_dir=Settings().asr_model)
    pull = ["models", "pull", "vosk-model-small-cn-0.22", "--archive", archive]
    own = {"VOICEBOT_ASR_MODELS_DIR": str(models)}
    refused(voicebot(*pull, folder=tmp_path, **own), "SHA-256", "nothing is installed")
    assert not (models / "vosk-model-small-cn-0.22").exists()
    digest = hashlib.sha256(Path(archive).read_bytes()).hexdigest()
    done = voicebot(*pull, "--sha256", digest, "--json", folder=tmp_path, **own)
    assert json.loads(done.stdout)["archive"]["sha256"] == digest
    wav = tmp_path / "a.wav"
    assert voicebot("tts", "say", "我知道了", "-o", str(wav), folder=tmp_path).returncode == 0
    done = voicebot(
        "asr", "transcribe", str(wav), "--model", "vosk-model-small-cn-0.22", "--json", folder=tmp_path, **own
    )
    heard = json.loads(done.stdout)
    assert heard["text"]
    assert heard["synthetic_ear"]  # under whatever name


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["vosk-model-small-cn"], "did you mean vosk-model-small-cn-0.22"),
        (["vosk-model-cn-0.22"], "--accept-unverified"),
        (["vosk-model-small-cn-0.22", "--sha256", "12"], "64 hexadecimal digits"),
        (["vosk-model-small-cn-0.22", "--url", "models/x.zip"], "no http(s) address"),
        (["vosk-model-small-cn-0.22", "--archive", "nowhere.zip"], "nowhere.zip"),
    ],
)
def test_a_pull_that_cannot_be(tmp_path, arguments, told):
    done = voicebot("models", "pull", *arguments, folder=tmp_path, VOICEBOT_ASR_MODELS_DIR=str(tmp_path / "models"))
    refused(done, told)


@pytest.mark.parametrize("content", [b"", b"RIFF\x00\x00", b"not a wave file at all" * 100])
def test_a_file_that_is_no_recording(tmp_path, content):
    file = tmp_path / "x.wav"
    file.write_bytes(content)
    refused(voicebot("asr", "transcribe", str(file), folder=tmp_path), "x.wav")
    refused(voicebot("asr", "transcribe", str(tmp_path / "missing.wav"), folder=tmp_path), "missing.wav")


def test_nothing_to_say_and_nowhere_to_write(tmp_path):
    refused(voicebot("tts", "say", "。。。", "-o", str(tmp_path / "x.wav"), folder=tmp_path))
    assert not (tmp_path / "x.wav").exists()
    refused(voicebot("tts", "say", "您好", "-o", str(tmp_path / "no" / "x.wav"), folder=tmp_path), "x.wav")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("VOICEBOT_DATABASE_ULR", "sqlite:///x"),
        ("VOICEBOT_SIP_PORT", "many"),
        ("VOICEBOT_TIMEZONE", "Mars/Olympus"),
        ("VOICEBOT_DATABASE_URL", "nonsense"),
        ("VOICEBOT_DATABASE_URL", "sqlite:////proc/no/such/folder/x.db"),
    ],
)
def test_wrong_settings(tmp_path, variable, value):
    done = voicebot("call", "--to", "sip:a@127.0.0.1:9", *slots(), folder=tmp_path, **{variable: value})
    refused(done)
    assert len(done.stderr.strip().splitlines()) == 1


def test_the_parts_work_by_hand(tmp_path):
    wav = tmp_path / "say.wav"
    assert voicebot("tts", "say", "知道了，我明天转二十万进去。", "-o", str(wav), folder=tmp_path).returncode == 0
    heard = voicebot("asr", "transcribe", str(wav), "--json", folder=tmp_path)
    assert heard.returncode == 0, heard.stderr
    assert json.loads(heard.stdout)["text"] == "知道了我明天转二十万进去"
    assert json.loads(heard.stdout)["written"] == "知道了我明天转20万进去"
    assert "".join(segment["written"] for segment in json.loads(heard.stdout)["segments"]) == "知道了我明天转20万进去"
    assert json.loads(heard.stdout)["synthetic_ear"] is True
    assert "〔" in voicebot("asr", "transcribe", str(wav), folder=tmp_path).stdout
    manifest = tmp_path / "m.jsonl"
    manifest.write_text(json.dumps({"audio": "say.wav", "text": "知道了，我明天转二十万进去。"}, ensure_ascii=False))
    judged = voicebot("asr", "eval", "--manifest", str(manifest), "--codec", "pcma", "--json", folder=tmp_path)
    assert json.loads(judged.stdout)["cer"] == json.loads(judged.stdout)["confident_wrong"] == 0
    refused(voicebot("asr", "eval", "--manifest", str(tmp_path / "none.jsonl"), folder=tmp_path), "none.jsonl")
    parsed = voicebot("nlu", "parse", "我开会呢，下午三点再打", "--json", folder=tmp_path)
    assert {i["name"] for i in json.loads(parsed.stdout)["intents"]} & {"busy", "callback"}
    checked = voicebot("flow", "check", "--json", folder=tmp_path)
    assert (checked.returncode, json.loads(checked.stdout)["errors"]) == (0, [])


def test_the_robot_needs_no_pytorch():
    code = "import sys, voicebot.cli; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
