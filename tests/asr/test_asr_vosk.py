"""The vosk ear's care with model directories, and what it makes of vosk's results."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from voicebot.asr.manifest import MANIFEST_NAME, digests, read_manifest
from voicebot.asr.recognizer import AsrFault
from voicebot.asr.vosk import VoskEar, _confidence, _final
from voicebot.asr.writing import squeeze


@pytest.fixture
def copy(model: Path, tmp_path: Path) -> Path:
    """A copy of the embedded model to damage."""
    return Path(shutil.copytree(model, tmp_path / "model"))


def refused(directory: Path) -> str:
    with pytest.raises(AsrFault) as fault:
        VoskEar(directory)
    assert fault.value.permanent
    message = str(fault.value)
    assert "\n" not in message
    return message


def test_manifest_names_every_file_and_says_synthetic(model: Path) -> None:
    manifest = read_manifest(model)
    assert manifest is not None
    assert manifest.files == digests(model)
    assert manifest.synthetic
    assert manifest.licence == "Apache-2.0"
    assert manifest.made["corpus_sha256"]
    assert sum(file.bytes for file in manifest.files.values()) <= 25_000_000


def test_info_comes_from_the_manifest(vosk_ear: VoskEar) -> None:
    assert (vosk_ear.info.engine, vosk_ear.info.model) == ("vosk", "zh-8k-synthetic")
    assert vosk_ear.info.synthetic


def test_no_directory(tmp_path: Path) -> None:
    assert "no model directory" in refused(tmp_path / "nowhere")
    archive = tmp_path / "model.zip"
    archive.write_bytes(b"PK")
    assert "unpack it" in refused(archive)


def test_missing_file(copy: Path) -> None:
    (copy / "graph" / "Gr.fst").unlink()
    assert "Gr.fst is missing" in refused(copy)


def test_truncated_file(copy: Path) -> None:
    path = copy / "am" / "final.mdl"
    path.write_bytes(path.read_bytes()[:-100])
    assert "bytes instead of" in refused(copy)


def test_flipped_bit(copy: Path) -> None:
    path = copy / "graph" / "HCLr.fst"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert "another content" in refused(copy)


def test_unreadable_manifest(copy: Path) -> None:
    (copy / MANIFEST_NAME).write_text("{}")
    assert "not a model manifest" in refused(copy)


def test_without_manifest_it_is_tried_in_a_child_first(copy: Path) -> None:
    (copy / MANIFEST_NAME).unlink()
    ear = VoskEar(copy)
    assert ear.info.model == "model"
    assert not ear.info.synthetic
    path = copy / "am" / "final.mdl"
    path.write_bytes(path.read_bytes()[:100_000])
    assert "vosk fails on this model" in refused(copy)
    path.write_bytes(b"nonsense")
    assert "not what its name says" in refused(copy)
    path.write_bytes(b"")
    assert "is empty" in refused(copy)


def test_a_model_of_another_language(copy: Path) -> None:
    (copy / MANIFEST_NAME).unlink()
    words = copy / "graph" / "words.txt"
    pairs = [line.split() for line in words.read_text(encoding="utf-8").splitlines()]
    words.write_text("".join(f"{word if word.isascii() else 'w' + number} {number}\n" for word, number in pairs))
    assert "knows no Chinese" in refused(copy)


def test_a_16_khz_model_gets_16_khz(copy: Path, say) -> None:
    """The configuration decides; a model told to take 16 kHz would raise on raw 8 kHz input."""
    (copy / MANIFEST_NAME).unlink()
    config = copy / "conf" / "fbank.conf"
    config.write_text(config.read_text().replace("=8000", "=16000"))
    ear = VoskEar(copy, trusted=True)
    recognizer = ear.open()
    recognizer.accept(say("知道了"))
    recognizer.finish()
    recognizer.accept(bytes(320))
    assert recognizer.finish().final
    recognizer.close()


def test_text_is_squeezed() -> None:
    assert squeeze("知道 了") == "知道了"
    assert squeeze("[unk] [unk] 好 的 [unk]") == "[unk]好的[unk]"
    assert squeeze("打开 wechat pay") == "打开wechat pay"


def test_unknown_words_lower_the_confidence() -> None:
    result = {
        "text": "好 [unk]",
        "result": [
            {"word": "好", "start": 1.0, "end": 1.2, "conf": 0.98},
            {"word": "[unk]", "start": 1.2, "end": 1.4, "conf": 1.0},
        ],
    }
    final = _final(json.dumps(result))
    assert final.text == "好[unk]"
    assert final.words[0].start_ms == 1000
    assert final.confidence == pytest.approx(0.49)
    assert _confidence(()) == 0.0
