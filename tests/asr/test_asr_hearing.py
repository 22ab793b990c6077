"""The committed model hears what scripts need, in voices it never met, through the telephone's codec."""

from __future__ import annotations

import numpy as np
import pytest

from voicebot.asr.evaluate import Recording, measure
from voicebot.asr.telephone import through_alaw
from voicebot.asr.training.voices import TEST_VOICES
from voicebot.asr.vosk import VoskEar

from .conftest import PHRASES, Say

QUIET = bytes(8000)
VOICES = ("", "m4", "m7", "f3", "Annie", "linda", "david", "max")
SENTENCES = (
    "我明天转二十万进去",
    "我补二十万",
    "我要投诉你们",
    "你打错了我不是王建国",
    "现在的担保比例是多少",
    "我想展期三个月",
)


def spoken(say: Say, texts: tuple[str, ...], first: int) -> list[Recording]:
    """Each text in another voice, in turn."""
    made = []
    for index, text in enumerate(texts, first):
        voice = VOICES[index % len(VOICES)]
        pcm = QUIET + say(text, voice, 170) + QUIET
        made.append(Recording(through_alaw(np.frombuffer(pcm, "<i2")).tobytes(), text, {"voice": voice}))
    return made


def test_the_voices_are_held_out() -> None:
    assert set(VOICES) - {""} <= set(TEST_VOICES)


@pytest.mark.parametrize("first", [0, 3])
def test_phrases_of_the_script(vosk_ear: VoskEar, say: Say, first: int) -> None:
    result = measure(vosk_ear, spoken(say, PHRASES, first))
    assert result["sentence_accuracy"] >= 0.85
    assert result["cer"] <= 0.1


def test_whole_sentences(vosk_ear: VoskEar, say: Say) -> None:
    result = measure(vosk_ear, spoken(say, SENTENCES, 1) + spoken(say, SENTENCES, 4))
    assert result["cer"] <= 0.12


def test_silence_and_tones_are_no_words(vosk_ear: VoskEar) -> None:
    time = np.arange(80000) / 8000
    ringback = (4000 * np.sin(2 * np.pi * 450 * time) * (time % 5 < 1)).astype("<i2")
    for sound in (np.zeros(80000, "<i2"), ringback):
        assert measure(vosk_ear, [Recording(through_alaw(sound).tobytes(), "x")])["cer"] == 1.0  # nothing was heard
