"""Syllables found in recordings whose truth is known: the engine that speaks tells the place of each sound."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from voicebot.asr.training.alignment import Aligned, align, cut_evenly, possible_readings
from voicebot.asr.training.espeak import Manner
from voicebot.asr.training.features import features
from voicebot.asr.training.labels import states_of
from voicebot.asr.training.lexicon import tones_of, words_of
from voicebot.asr.training.phones import GARBAGE, SILENCE, UNIT_ID, UNITS, units_of
from voicebot.asr.training.synthesis import Speech, Utterance, read_chunk, seconds_of, speak, write_chunk

from .conftest import espeak

STATES = 2 * len(UNITS)
FLAT = np.full(STATES, -np.log(STATES))
SENTENCES = (
    "知道了我明天转二十万",
    "我在开会下午三点再打",
    "不是我你打错了",
    "比例多少",
    "你是机器人吧",
    "以后都别联系我",
)


def spoken(text: str, variant: str = "f1", seed: int = 3) -> Speech:
    words = words_of(text)
    speech = speak(espeak(), Utterance(words, tones_of(words)), Manner(variant, 165), random.Random(seed))
    assert speech is not None
    return padded(speech)


def padded(speech: Speech, before: int = 4000, after: int = 2400) -> Speech:
    samples = np.concatenate([np.zeros(before, np.int16), speech.samples, np.zeros(after, np.int16)])
    moved = speech.segments + np.array([0, before, before], np.int32)
    ends = np.array([[SILENCE, before + len(speech.samples), len(samples)]], np.int32)
    segments = np.concatenate([np.array([[SILENCE, 0, before]], np.int32), moved, ends])
    return Speech(speech.text, speech.variant, speech.syllables, samples, segments)


def scores_of(states: np.ndarray, right: float = 0.5, seed: int = 0) -> np.ndarray:
    """Posteriors as of a mediocre network: on each frame the right state has this probability or, on every fifth
    frame, some wrong one.
    """
    rng = np.random.default_rng(seed)
    scores = rng.dirichlet(np.full(STATES, 0.3), len(states)) * (1 - right) + 1e-5
    wrong = rng.random(len(states)) < 0.2
    scores[np.arange(len(states)), np.where(wrong, rng.integers(0, STATES, len(states)), states)] += right
    return np.log(scores / scores.sum(1, keepdims=True))


def starts(segments: np.ndarray) -> list[tuple[int, int]]:
    return [(int(unit), int(start)) for unit, start, _ in segments if unit != SILENCE]


def errors_ms(found: np.ndarray, true: np.ndarray) -> list[float]:
    assert [unit for unit, _ in starts(found)] == [unit for unit, _ in starts(true)]
    return [abs(a - b) / 8 for (_, a), (_, b) in zip(starts(found), starts(true), strict=True)]


def aligned_to(speech: Speech, right: float = 0.5) -> Aligned:
    states = states_of(speech.segments, 1 + (len(speech.samples) - 200) // 80)
    words = tuple(((syllable,),) for syllable in speech.syllables)
    found = align(scores_of(states, right), FLAT, words, len(speech.samples))
    assert found is not None
    return found


def test_boundaries_are_found_in_doubtful_scores() -> None:
    errors = []
    for text in SENTENCES:
        speech = spoken(text)
        found = aligned_to(speech)
        errors += errors_ms(found.segments, speech.segments)
        assert not found.collapsed
        assert found.syllables == speech.syllables
        assert np.array_equal(found.segments[1:, 1], found.segments[:-1, 2])
        assert found.segments[0, 1] == 0
        assert found.segments[-1, 2] == len(speech.samples)
    assert np.median(errors) <= 20
    assert np.percentile(errors, 90) <= 60


def test_labels_are_those_of_the_path() -> None:
    """Segments made of frames give these very frames again."""
    speech = spoken(SENTENCES[0])
    frames = 1 + (len(speech.samples) - 200) // 80
    states = states_of(speech.segments, frames)
    found = aligned_to(speech, right=0.98)
    assert (states_of(found.segments, frames) == states).mean() > 0.98


@pytest.mark.parametrize("gap", [2, 3, 20])
def test_pauses_between_words(gap: int) -> None:
    """A pause is silence from 90 ms on; what is shorter belongs to a sound."""
    states = np.array([0, 1, 1, *path("ba1"), *([0] + [1] * (gap - 1)), *path("pa4"), 0, 1])
    found = align(scores_of(states, 0.99), FLAT, ((("ba1",),), (("pa4",),)), 240 * len(states))
    assert found is not None
    inner = found.segments[1:-1, 0]
    assert [unit for unit in inner if unit] == [UNIT_ID[unit] for s in ("ba1", "pa4") for unit in units_of(s)]
    assert (SILENCE in inner) is (gap >= 3)


def path(syllable: str, frames: int = 4) -> list[int]:
    """The states of a syllable whose every unit lasts so many frames and one."""
    return [state for unit in units_of(syllable) for state in [2 * UNIT_ID[unit]] + [2 * UNIT_ID[unit] + 1] * frames]


def test_the_reading_that_was_said_is_chosen() -> None:
    words = ("行", "吗")
    readings = possible_readings(words)
    assert {reading[0][:-1] for reading in readings[0]} == {"xing", "hang"}
    for said in ("xing2", "hang2"):
        states = np.array([0, 1, *path(said), *path("ma5"), 0, 1])
        found = align(scores_of(states, 0.9), FLAT, readings, 240 * len(states))
        assert found is not None
        assert found.syllables[0] == said


@pytest.mark.parametrize(
    ("words", "first"),
    [
        (("你", "好"), (("ni2",), ("ni3",))),
        (("知道", "了"), (("zhi1", "dao4"),)),
        (("想",), (("xiang3",), ("xiang2",))),
    ],
)
def test_readings_with_and_without_sandhi(words: tuple[str, ...], first: tuple[tuple[str, ...], ...]) -> None:
    assert possible_readings(words)[0][: len(first)] == first


def test_a_text_too_long_and_one_of_something_else() -> None:
    readings = possible_readings(words_of(SENTENCES[0]))
    assert align(np.zeros((10, STATES)), FLAT, readings, 2400) is None
    # Just enough frames: every sound is squeezed into one.
    squeezed = align(np.tile(FLAT, (22, 1)), FLAT, readings, 240 * 22)
    assert squeezed is not None
    assert squeezed.collapsed
    # Speech in no words of ours all along: the path waits in one sound.
    states = np.full(400, 2 * GARBAGE + 1)
    lost = align(scores_of(states, 0.99), FLAT, (*readings,), 240 * 400)
    right = aligned_to(spoken(SENTENCES[0]))
    assert lost is not None
    assert lost.collapsed or lost.score < right.score - 1


def test_the_even_cut_keeps_to_what_is_loud() -> None:
    speech = spoken(SENTENCES[0])
    even = cut_evenly(speech.samples, tuple(((s,),) for s in speech.syllables))
    assert even is not None
    first, last = (speech.segments[1, 1], speech.segments[-1, 1])
    assert abs(starts(even.segments)[0][1] - first) < 800
    assert abs(even.segments[-1, 1] - last) < 1600
    assert even.segments[0, 0] == even.segments[-1, 0] == SILENCE
    assert cut_evenly(speech.samples[4000:5000], tuple(((s,),) for s in speech.syllables)) is None


def test_chunks_are_read_back(tmp_path: Path) -> None:
    speeches = [spoken(text) for text in SENTENCES[:2]]
    write_chunk(tmp_path / "chunk-0000.npz", speeches)
    again = list(read_chunk(tmp_path / "chunk-0000.npz"))
    assert [speech.text for speech in again] == list(SENTENCES[:2])
    assert all(np.array_equal(a.segments, b.segments) for a, b in zip(again, speeches, strict=True))
    assert seconds_of(tmp_path / "chunk-0000.npz") == pytest.approx(sum(len(s.samples) for s in speeches) / 8000)


def test_rounds_of_alignment_mend_the_even_cut() -> None:
    """A tiny classifier of single frames, taught by the even cut and then thrice by its own alignment, comes from
    there close to the truth.
    """
    speeches = [spoken(text, variant, seed) for seed, variant in enumerate(("f1", "m3")) for text in SENTENCES]
    heard = [features(speech.samples) for speech in speeches]
    words = [tuple(((syllable,),) for syllable in speech.syllables) for speech in speeches]
    frames = np.concatenate(heard)
    mean, deviation = frames.mean(0), frames.std(0) + 1e-3
    cuts = [cut_evenly(speech.samples, each) for speech, each in zip(speeches, words, strict=True)]
    medians = []
    for _ in range(5):
        found = [cut.segments for cut in cuts if cut is not None]
        assert len(found) == len(speeches)
        errors = [
            abs(a - b) / 8
            for cut, speech in zip(found, speeches, strict=True)
            for (_, a), (_, b) in zip(once(starts(cut)), starts(speech.segments), strict=True)
        ]
        medians.append(float(np.median(errors)))
        cuts = realigned(speeches, heard, words, found, mean, deviation)
    assert medians[-1] < 0.9 * medians[0]


def once(found: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Without the second half of a unit that a quiet stretch has cut in two."""
    return [one for index, one in enumerate(found) if index == 0 or one[0] != found[index - 1][0]]


def realigned(speeches, heard, words, found, mean, deviation) -> list[Aligned | None]:
    """Gaussians of the units' frames (one spread for all, shrunk to the mean), and the alignment they give."""
    inputs = [((each - mean) / deviation)[::3] for each in heard]
    labels = [states_of(cut, len(each)) // 2 for cut, each in zip(found, heard, strict=True)]
    everything, units = np.concatenate(inputs), np.concatenate(labels)
    means = np.zeros((len(UNITS), everything.shape[1]))
    for unit in np.unique(units):
        mine = everything[units == unit]
        means[unit] = mine.sum(0) / (len(mine) + 2)
    cuts = []
    for each, speech, reading in zip(inputs, speeches, words, strict=True):
        scores = -0.5 * ((each[:, None, :] - means) ** 2).sum(2) * 0.3
        scores -= np.logaddexp.reduce(scores, axis=1, keepdims=True)
        cuts.append(align(np.repeat(scores, 2, axis=1), FLAT, reading, len(speech.samples)))
    return cuts
