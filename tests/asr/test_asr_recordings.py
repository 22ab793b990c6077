"""A firm's recordings: what is usable, who judges, and when a model made of them is trusted with people."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from voicebot.asr.recognizer import AsrFault
from voicebot.asr.training.recordings import Entry, digest, read_entries, sound_of, split, spoken_text
from voicebot.asr.training.verdict import LEAST_JUDGED, LEAST_SPEAKERS, MOST_CER, judge_recordings


def folder(path: Path, lines: list[Any], seconds: float = 1.5) -> Path:
    noise = np.random.default_rng(0).standard_normal(int(16000 * seconds)) * 0.1
    for name in ("a.wav", "b.wav", "c.wav"):
        soundfile.write(path / name, noise, 16000)
    text = "".join((line if isinstance(line, str) else json.dumps(line, ensure_ascii=False)) + "\n" for line in lines)
    (path / "manifest.jsonl").write_text(text, encoding="utf-8")
    return path


GOOD = {"audio": "a.wav", "text": "知道了，我明天 转二十万。"}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("nonsense", "is not"),
        ([1], "is not"),
        ({"audio": "b.wav"}, "is not"),
        ({"audio": 7, "text": "好"}, "is not"),
        ({"audio": "b.wav", "text": "好的", "speaker": ["x"]}, "is not"),
        ({"audio": "none.wav", "text": "好的"}, "none.wav: no such file"),
        ({"audio": "b.wav", "text": ""}, "empty text"),
        ({"audio": "b.wav", "text": " …。"}, "empty text"),
        ({"audio": "b.wav", "text": "转20万"}, "a figure (character 2"),
        ({"audio": "b.wav", "text": "转２０万"}, "a figure (character 2"),
        ({"audio": "b.wav", "text": "涨了五%"}, "a sign (character 4"),
        ({"audio": "b.wav", "text": "三￥"}, "a sign (character 2"),
        ({"audio": "b.wav", "text": "看看K线"}, "the 3. of its text"),
        ({"audio": "b.wav", "text": "好的【笑】"}, "a bracket (character 3"),
        ({"audio": "a.wav", "text": "好的"}, "on line 1 already"),
    ],
)
def test_a_bad_line_is_told_and_left_out(tmp_path: Path, line: Any, told: str) -> None:
    left_out: dict[int, str] = {}
    entries = read_entries(folder(tmp_path, [GOOD, "", line]), left_out.__setitem__)
    assert [entry.text for entry in entries] == ["知道了我明天转二十万"]
    assert list(left_out) == [3]
    assert told in left_out[3]
    assert "\n" not in left_out[3]
    # Nobody reads in a log what a client said.
    assert not isinstance(line, dict) or not line.get("text") or line["text"] not in left_out[3]


def test_nothing_usable_and_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(AsrFault, match="none of its lines") as fault:
        read_entries(folder(tmp_path, [{"audio": "a.wav", "text": "123"}]), lambda *_: None)
    assert fault.value.permanent
    with pytest.raises(AsrFault, match="cannot be read"):
        read_entries(tmp_path / "nowhere", lambda *_: None)


def test_who_is_unnamed_may_be_anybody(tmp_path: Path) -> None:
    left_out: dict[int, str] = {}
    lines = [{**GOOD, "speaker": "one"}, {"audio": "b.wav", "text": "好的"}]
    assert len(read_entries(folder(tmp_path, lines), left_out.__setitem__)) == 1
    assert "names no speaker" in left_out[2]


@pytest.mark.parametrize(
    ("text", "seconds", "told"),
    [
        ("知道了", 0.1, "lasts 0.1"),
        ("我现在不方便你下午再打过来吧好不好", 1.0, "nobody speaks so fast"),
        ("好", 12, "write all that is said"),
        ("知道了我明天转", 61, "longer than 60 s"),
    ],
)
def test_sound_and_text_of_unlike_length(tmp_path: Path, text: str, seconds: float, told: str) -> None:
    (entry,) = read_entries(folder(tmp_path, [{"audio": "a.wav", "text": text}], seconds), lambda *_: None)
    with pytest.raises(ValueError, match=told):
        sound_of(entry)


def test_sound_of_any_rate_and_of_none(tmp_path: Path) -> None:
    lines = [
        {"audio": "a.wav", "text": "知道了"},
        {"audio": "b.wav", "text": "好的"},
        {"audio": "c.wav", "text": "好的"},
    ]
    entries = read_entries(folder(tmp_path, lines), lambda *_: None)
    soundfile.write(tmp_path / "b.wav", np.zeros(8000), 8000)
    (tmp_path / "c.wav").write_bytes(b"RIFF")
    assert 11_900 <= len(sound_of(entries[0])) <= 12_200
    with pytest.raises(ValueError, match="silence only"):
        sound_of(entries[1])
    with pytest.raises(ValueError, match=r"c\.wav: is empty or cut off"):
        sound_of(entries[2])


def test_spaces_and_punctuation_are_no_speech() -> None:
    assert spoken_text("喂，您好！二〇二四年 《财报》·出了吗？") == "喂您好二〇二四年财报出了吗"


def test_other_recordings_are_noticed(tmp_path: Path) -> None:
    before = digest(folder(tmp_path, [GOOD]))
    assert digest(tmp_path) == before
    soundfile.write(tmp_path / "a.wav", np.zeros(999), 8000)
    assert digest(tmp_path) != before


def entries(amounts: dict[str, int]) -> list[Entry]:
    lines = [(speaker, number) for speaker, count in amounts.items() for number in range(count)]
    return [Entry(i, Path("a"), ("好", *("一二三四五六七八九十"[int(d)] for d in str(i))), (), s) for i, (s, _) in
            enumerate(lines)]  # fmt: skip


@pytest.mark.parametrize(
    ("amounts", "judging_speakers"),
    [
        ({f"s{i}": 10 for i in range(40)}, range(5, 6)),
        ({f"s{i}": 10 for i in range(8)}, range(2, 3)),
        ({"most": 100, "few": 5}, range(1, 2)),
        ({"one": 50, "other": 50}, range(1, 2)),
        ({"most": 300, **{f"s{i}": 5 for i in range(30)}}, range(5, 20)),
    ],
)
def test_nobody_both_trains_and_judges(amounts: dict[str, int], judging_speakers: range) -> None:
    parts = split(entries(amounts), 1, ())
    train, judge = ({entry.speaker for entry in part} for part in (parts.train, parts.judge))
    assert parts.by == "speaker"
    assert not train & judge
    assert train | judge == set(amounts)
    assert len(judge) in judging_speakers
    assert "most" not in judge
    assert parts == split(entries(amounts), 1, ())


def test_without_speakers_no_sentence_both_trains_and_judges() -> None:
    given = entries({"": 300}) + entries({"": 300})
    parts = split(given, 1, ())
    assert parts.by == "sentence"
    assert not {entry.text for entry in parts.train} & {entry.text for entry in parts.judge}
    assert 20 < len(parts.judge) < 120
    assert Counter(map(id, given)) == Counter(map(id, parts.train + parts.judge))
    apart = {entry.text for entry in parts.train[:5]}
    assert not apart & {entry.text for entry in split(given, 1, apart).train}


MADE = {"by": "speaker", "judge_speakers": LEAST_SPEAKERS}
GOOD_RATES = {"utterances": LEAST_JUDGED, "cer": MOST_CER}


@pytest.mark.parametrize(
    ("rates", "made", "hears"),
    [
        ({"alaw": GOOD_RATES}, MADE, True),
        ({"alaw": {**GOOD_RATES, "cer": MOST_CER + 0.001}}, MADE, False),
        ({"alaw": {**GOOD_RATES, "utterances": LEAST_JUDGED - 1}}, MADE, False),
        ({"alaw": {"utterances": 0, "cer": 0.0}}, MADE, False),
        ({"alaw": GOOD_RATES}, {**MADE, "by": "sentence"}, False),
        ({"alaw": GOOD_RATES}, {**MADE, "judge_speakers": LEAST_SPEAKERS - 1}, False),
        ({"clean": GOOD_RATES}, MADE, False),
        ({}, MADE, False),
    ],
)
def test_only_a_shown_ear_loses_its_mark(rates: dict[str, Any], made: dict[str, Any], hears: bool) -> None:
    verdict = judge_recordings(rates, made)
    assert verdict.hears_people is hears
    assert "held-out recordings" in verdict.reason
