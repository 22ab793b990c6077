"""Character error rates and the manifests they are measured on."""

from __future__ import annotations

import json
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile

from voicebot.asr.evaluate import distance, evaluate, plain, right_characters
from voicebot.asr.recognizer import AsrFault, Transcript, confidence_of
from voicebot.asr.scripted import ScriptedEar
from voicebot.asr.telephone import FRAME, lose_packets, through_alaw, through_ulaw


@pytest.mark.parametrize(
    ("wanted", "heard", "errors"),
    [("知道了", "知道了", 0), ("知道了", "知道", 1), ("", "好", 1), ("平仓线", "平舱县吗", 3)],
)
def test_distance(wanted: str, heard: str, errors: int) -> None:
    assert distance(wanted, heard) == errors


def test_plain_leaves_what_counts() -> None:
    assert plain("你好, 世界!A1") == "你好世界a1"
    assert len(plain("好[unk]")) == 2


def manifest(folder: Path, lines: list[dict[str, str]]) -> Path:
    noise = (np.random.default_rng(0).standard_normal(8000) * 3000).astype("<i2")
    for line in lines:
        with wave.open(str(folder / line["audio"]), "wb") as wav:
            wav.setnchannels(1)
            wav.setsampwidth(2)
            wav.setframerate(8000)
            wav.writeframes(noise.tobytes())
    path = folder / "m.jsonl"
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    return path


@pytest.mark.parametrize("codec", [None, "pcma", "pcmu"])
def test_rates_and_groups(tmp_path: Path, codec: str | None) -> None:
    path = manifest(
        tmp_path,
        [
            {"audio": "a.wav", "text": "好的。", "voice": "one"},
            {"audio": "b.wav", "text": "不是", "voice": "two"},
        ],
    )
    result = evaluate(ScriptedEar(["好的"]), path, codec)
    assert result["utterances"] == 2
    assert result["cer"] == 0.5
    assert result["sentence_accuracy"] == 0.5
    assert result["rtf"] > 0
    assert result["by"]["voice"]["one"]["cer"] == 0
    assert result["by"]["voice"]["two"]["sentence_accuracy"] == 0


@pytest.mark.parametrize(("confidence", "share"), [(0.95, 0.5), (0.9, 0.5), (0.89, 0.0)])
def test_how_many_are_wrong_although_it_is_sure(tmp_path: Path, confidence: float, share: float) -> None:
    lines = [{"audio": f"{text}.wav", "text": text, "topic": text} for text in ("好的", "不是")]
    result = evaluate(ScriptedEar(["好的"], confidence=confidence), manifest(tmp_path, lines))
    assert result["confident_wrong"] == share
    assert result["by"]["topic"]["不是"]["confident_wrong"] == 2 * share
    assert result["by"]["topic"]["好的"]["confident_wrong"] == 0


def test_an_utterance_is_as_sure_as_its_least_sure_final() -> None:
    sure, unsure = (Transcript(text, final=True, confidence=c) for text, c in (("好的", 0.97), ("再见", 0.4)))
    assert confidence_of([sure, unsure, Transcript("", final=True)]) == 0.4
    assert confidence_of([sure]) == 0.97
    assert confidence_of([Transcript("", final=True)]) == confidence_of([]) == 0.0


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "no recordings"),
        ("nonsense\n", "line 1"),
        ('{"audio": "a.wav"}\n', "line 1"),
        ("[1]\n", "line 1"),
        ('{"audio": null, "text": "好"}\n', "line 1"),
        ('{"audio": "", "text": "好"}\n', "line 1"),
        ('{"audio": "a.wav", "text": 1}\n', "line 1"),
        ('{"audio": "a.wav", "text": "好"}\n', "a.wav: no such file"),
        ('{"audio": ".", "text": "好"}\n', "is a directory"),
    ],
)
def test_bad_manifests(tmp_path: Path, content: str, expected: str) -> None:
    path = tmp_path / "m.jsonl"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(AsrFault, match=expected) as fault:
        evaluate(ScriptedEar([]), path)
    assert fault.value.permanent


def test_any_rate_and_coding_beside_the_manifest(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).standard_normal(32000) * 0.1
    for name, rate, container, coding in (
        ("a.flac", 16000, "FLAC", "PCM_16"),
        ("b.ogg", 48000, "OGG", "VORBIS"),
        ("c.opus", 16000, "OGG", "OPUS"),
        ("d.wav", 8000, "WAV", "ALAW"),
    ):
        soundfile.write(tmp_path / name, noise, rate, format=container, subtype=coding)
    path = tmp_path / "m.jsonl"
    lines = [json.dumps({"audio": name, "text": "好的"}) for name in ("a.flac", "b.ogg", "c.opus", "d.wav")]
    path.write_text("\ufeff" + "\n".join(lines) + "\n", encoding="utf-8")  # as Windows' editors begin a file
    result = evaluate(ScriptedEar(["好的"]), path, "pcma")
    assert (result["utterances"], result["cer"]) == (4, 0.0)


def test_recordings_are_read_when_they_are_needed(tmp_path: Path) -> None:
    """A bad file in the middle is told after the others were heard; none of them was kept in memory."""
    path = manifest(tmp_path, [{"audio": "a.wav", "text": "好的"}, {"audio": "b.wav", "text": "好的"}])
    (tmp_path / "b.wav").write_bytes(b"")
    heard = []

    class Counting(ScriptedEar):
        def open(self, phrases=()):
            heard.append(phrases)
            return super().open(phrases)

    with pytest.raises(AsrFault, match=r"b\.wav: is empty"):
        evaluate(Counting(["好的"]), path)
    assert len(heard) == 2


def test_unknown_codec_and_missing_manifest(tmp_path: Path) -> None:
    with pytest.raises(AsrFault, match="choose one of"):
        evaluate(ScriptedEar([]), tmp_path / "m.jsonl", "opus")
    with pytest.raises(AsrFault, match="cannot be read"):
        evaluate(ScriptedEar([]), tmp_path / "m.jsonl")


@pytest.mark.parametrize("codec", [through_alaw, through_ulaw])
def test_g711_keeps_the_shape(codec) -> None:
    samples = np.arange(-32768, 32768, dtype=np.int64).astype(np.int16)
    heard = codec(samples).astype(float)
    assert np.all(np.diff(heard) >= 0)
    loud = np.abs(samples.astype(float)) > 400
    assert np.max(np.abs(heard - samples)[loud] / np.abs(samples.astype(float))[loud]) < 0.07
    # Sending a decoded signal again changes nothing.
    assert np.array_equal(codec(codec(samples)), codec(samples))


def test_packet_loss() -> None:
    samples = np.full(FRAME * 5000, 1000, np.int16)
    silent = lose_packets(samples, 0.03, np.random.default_rng(1), conceal=False).reshape(-1, FRAME)
    lost = np.mean(silent[:, 0] == 0)
    assert 0.02 < lost < 0.045
    assert np.all((silent == 0).all(axis=1) | (silent == 1000).all(axis=1))
    concealed = lose_packets(samples, 0.03, np.random.default_rng(1))
    assert 0 < concealed.min() < 1000


@pytest.mark.parametrize(
    ("wanted", "heard", "right"),
    [
        ("知道了", "知道了", "111"),
        ("知道了", "知到了", "101"),
        ("知道了", "我知道", "011"),
        ("我明天还钱", "明天还前", "1110"),
        ("", "嗯", "0"),
        ("好", "", ""),
        ("对对对", "对对", "11"),
    ],
)
def test_which_characters_are_right(wanted: str, heard: str, right: str) -> None:
    assert right_characters(wanted, heard) == [mark == "1" for mark in right]
