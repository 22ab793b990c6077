"""Which words of a final are believed."""

from __future__ import annotations

import pytest

from voicebot.asr.doubt import believed
from voicebot.asr.recognizer import Word


def final(*words: tuple[str, int, float]) -> list[Word]:
    """Words of (text, length in ms, confidence), one after the other."""
    at, made = 0, []
    for text, length, confidence in words:
        made.append(Word(text, at, at + length, confidence))
        at += length
    return made


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ([], []),
        ([("我是", 400, 0.99)], ["我是"]),
        ([("是的", 390, 0.62)], ["是的"]),  # alone and fairly sure
        ([("飞", 330, 0.75)], ["[unk]"]),  # a note of a tune
        ([("我明天处理", 1400, 0.6)], ["我明天处理"]),  # unsure, but nobody hums a sentence
        ([("我是", 400, 0.4)], ["[unk]"]),  # a guess
        ([("我是", 400, 0.4), ("王建国", 900, 0.9)], ["我是", "王建国"]),  # unsure among the sure
        ([("[unk]", 300, 0.9), ("我是", 500, 0.9), ("王建国", 1200, 0.9)], ["[unk]", "我是", "王建国"]),  # a cough
        ([("[unk]", 600, 1.0), ("特", 200, 0.9), ("我", 900, 0.99)], ["[unk]", "[unk]", "我"]),  # among unknown sounds
        ([("[unk]", 2000, 1.0), ("我", 200, 0.9)], ["[unk]", "[unk]"]),  # a short word in a foreign sentence
        ([("[unk]", 2000, 1.0), ("是", 200, 1.0)], ["[unk]", "是"]),  # said clearly after a noise
        ([("嗯", 0, 1.0)], ["嗯"]),
    ],
)
def test_what_is_believed(words, wanted):
    heard = final(*words)
    kept = believed(heard)
    assert [word.text for word in kept] == wanted
    assert [(w.start_ms, w.end_ms, w.confidence) for w in kept] == [(w.start_ms, w.end_ms, w.confidence) for w in heard]
