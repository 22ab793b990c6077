"""Measuring how often words are right at each confidence that the engine gives, and the line through it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
from scipy.optimize import isotonic_regression

from voicebot.asr.confidence import Calibration
from voicebot.asr.evaluate import Recording, hear, plain, right_characters
from voicebot.asr.recognizer import Ear
from voicebot.asr.training.assessment import heard_over

_CONDITIONS = ("alaw", "alaw, noise 10 dB", "alaw, loss 3 %")
_KNOTS = 12
_BINS = 10
Rated = tuple[float, bool]  # a word's confidence, and whether it was right


def rated_words(ear: Ear, recordings: Iterable[Recording]) -> list[Rated]:
    """Every known word heard: its confidence, and whether all its characters were said there."""
    rated: list[Rated] = []
    for recording in recordings:
        words = [word for final in hear(ear, recording.pcm) for word in final.words if plain(word.text)]
        right = right_characters(plain(recording.text), "".join(plain(word.text) for word in words))
        at = 0
        for word in words:
            end = at + len(plain(word.text))
            if word.text != "[unk]":
                rated.append((word.confidence, all(right[at:end])))
            at = end
    return rated


def calibrate(ear: Ear, sets: Mapping[str, Sequence[Path]], *, seed: int, limit: int | None) -> Calibration:
    """The calibration of an ear that gives its engine's confidences, on sets that neither trained nor judge it."""
    heard = (heard_over(chunks, condition, seed, limit) for chunks in sets.values() for condition in _CONDITIONS)
    rated = rated_words(ear, chain.from_iterable(heard))
    levels, where, words = np.unique(
        np.round([confidence for confidence, _ in rated], 3), return_inverse=True, return_counts=True
    )
    right = np.bincount(where, [good for _, good in rated]) / words
    risen = isotonic_regression(right, weights=words).x
    # Levels with about as many words each make a knot; a level with more than its share makes one alone.
    part = np.minimum((np.cumsum(words) - words / 2) / words.sum() * _KNOTS, _KNOTS - 1).astype(int)
    knots: dict[float, float] = {}
    for number in np.unique(part):
        inside = part == number
        level, share = (np.average(values[inside], weights=words[inside]) for values in (levels, risen))
        knots[round(float(level), 4)] = round(float(share), 4)
    if len(knots) < 2:  # a model that is always as sure
        share = round(float(np.average(right, weights=words)), 4)
        knots = {0.0: share, 1.0: share}
    text = f"{len(rated)} words of {', '.join(sets)}; {', '.join(_CONDITIONS)}"
    return Calibration(given=tuple(knots), right=tuple(knots.values()), measured=text)


def reliability(rated: Sequence[Rated]) -> list[dict[str, float]]:
    """For tenths of the scale: words, their mean confidence and the share that was right."""
    rows = []
    for tenth in range(_BINS):
        inside = [(c, r) for c, r in rated if min(_BINS - 1, int(c * _BINS)) == tenth]
        if inside:
            confidence, right = np.array(inside, float).mean(0)
            rows.append({"words": len(inside), "confidence": round(confidence, 3), "right": round(right, 3)})
    return rows
