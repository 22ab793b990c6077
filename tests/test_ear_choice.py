"""One setting chooses the ear: the model's folder tells the engine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import wave
from pathlib import Path

import pytest

from voicebot.asr.choice import engine_for
from voicebot.asr.manifest import MANIFEST_NAME
from voicebot.asr.recognizer import AsrFault
from voicebot.asr.sherpa import SherpaEar
from voicebot.asr.vosk import VoskEar
from voicebot.robot import load_ear
from voicebot.settings import Settings

SHERPA = Path(__file__).parent / "asr" / "data" / "sherpa-ctc"


def folder(path: Path, *names: str) -> Path:
    path.mkdir()
    for name in names:
        (path / name).mkdir() if name.endswith("/") else (path / name).write_bytes(b"x")
    return path


@pytest.mark.parametrize(
    ("names", "engine"),
    [
        (["am/", "conf/", "graph/"], "vosk"),
        (["tokens.txt", "encoder.onnx", "decoder.onnx"], "sherpa"),
        (["tokens.txt", "model.int8.onnx", "am.mvn"], "sherpa"),
    ],
)
def test_the_layout_tells_the_engine(tmp_path: Path, names: list[str], engine: str) -> None:
    assert engine_for(folder(tmp_path / "model", *names)) == engine


@pytest.mark.parametrize(
    ("names", "expected"),
    [([], "holds neither"), (["tokens.txt"], "holds neither"), (["vosk-model-small-cn-0.22/"], "holds neither")],
)
def test_folders_for_no_engine(tmp_path: Path, names: list[str], expected: str) -> None:
    with pytest.raises(AsrFault, match=expected) as fault:
        engine_for(folder(tmp_path / "model", *names))
    assert fault.value.permanent


@pytest.mark.parametrize(("name", "engine"), [("vosk", "vosk"), ("sherpa-onnx", "sherpa"), ("sherpa", "sherpa")])
def test_a_manifest_has_the_last_word(tmp_path: Path, name: str, engine: str) -> None:
    path = folder(tmp_path / "model", "am/", "tokens.txt", "model.onnx")
    told = {"name": "m", "version": "1", "engine": name, "language": "zh", "licence": "x", "synthetic": False}
    (path / MANIFEST_NAME).write_text(json.dumps({**told, "files": {}}))
    assert engine_for(path) == engine
    (path / MANIFEST_NAME).write_text(json.dumps({**told, "engine": "kaldi", "files": {}}))
    with pytest.raises(AsrFault, match="made for the engine kaldi"):
        engine_for(path)


def test_one_setting_chooses(tmp_path: Path) -> None:
    shutil.copytree(SHERPA, tmp_path / "other")
    assert isinstance(load_ear(Settings()), VoskEar)
    assert isinstance(load_ear(Settings(asr_model=str(SHERPA))), SherpaEar)
    assert isinstance(load_ear(Settings(asr_models_dir=tmp_path, asr_model="other")), SherpaEar)
    assert isinstance(load_ear(Settings(), str(SHERPA)), SherpaEar)


@pytest.mark.parametrize(
    ("model", "engine", "expected"),
    [
        (str(SHERPA), "vosk", "final.mdl is missing"),
        (None, "sherpa", "holds no [*].onnx"),
        (None, "whisper", "choose auto, vosk or sherpa"),
        ("nowhere", None, "no model directory"),
        ("ws://127.0.0.1:1/asr", None, "no engine 'ws:"),
        ("ws://127.0.0.1:1/asr", "whisper", "no engine 'whisper' that is a server"),
    ],
)
def test_wrong_choices(model: str | None, engine: str | None, expected: str) -> None:
    with pytest.raises(AsrFault, match=expected) as fault:
        load_ear(Settings(), model, engine)
    assert fault.value.permanent
    assert "\n" not in str(fault.value)


def test_commands_take_the_engine(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "a.wav"), "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(8000)
        wav.writeframes(bytes(16000))
    (tmp_path / "m.jsonl").write_text(json.dumps({"audio": "a.wav", "text": "好"}), encoding="utf-8")

    def asr(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "voicebot", "asr", *arguments, "--json"]
        return subprocess.run(command, env=os.environ | env, capture_output=True, text=True, timeout=60, check=False)

    transcribed = asr("transcribe", str(tmp_path / "a.wav"), VOICEBOT_ASR_MODEL=str(SHERPA))
    assert json.loads(transcribed.stdout)["model"] == "sherpa-ctc", transcribed.stderr
    measured = asr("eval", "--manifest", str(tmp_path / "m.jsonl"), "--engine", "sherpa", "--model", str(SHERPA))
    assert json.loads(measured.stdout)["cer"] == 1.0, measured.stderr
    wrong = asr("eval", "--manifest", str(tmp_path / "m.jsonl"), "--engine", "vosk", "--model", str(SHERPA))
    assert wrong.returncode == 1
    assert "Traceback" not in wrong.stderr
    assert "final.mdl is missing" in wrong.stderr
