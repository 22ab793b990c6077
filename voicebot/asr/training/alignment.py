"""Where in a recording its syllables are: forced alignment of a known text, by Viterbi over a network's scores, and
the even cut that a first network is trained on.

The chain is the decoder's own: each unit has its first frame in one state and any number of others in a second one
(`labels`). Silence may lie before, between and after words; a word may have several readings.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from voicebot.asr.training.labels import CENTRE, STEP
from voicebot.asr.training.lexicon import Reading, readings_of, tones_of
from voicebot.asr.training.phones import SILENCE, SYLLABLES, UNIT_ID, as_heard, toneless, units_of

_LEAST_PAUSE = 3  # output frames (90 ms) between words; a shorter one is a plosive's closure, as in the synthesis
_PAUSE_COST = 2.0  # −ln of its probability: where nothing speaks for a pause there is none
_RARER_COST = 1.0  # of each reading after the first
_MOST_READINGS = 4
_MOST_SINGLE = 2 / 3  # more units than this in one frame each: the text is too long, the path was only squeezed in
_LONGEST_UNIT = 40  # output frames (1.2 s) that one unit may last; a path that is lost waits in one
_RMS_SAMPLES = 240
_GAP = 7  # output frames (0.2 s): a shorter quiet stretch belongs to the speech around it
_OVER_FLOOR_DB, _UNDER_PEAK_DB = 10.0, 35.0
_FINAL_WEIGHT = 1.6  # a final lasts so much longer than an initial (roughly, of read speech)


@dataclass(frozen=True, slots=True)
class Aligned:
    """A recording cut up: `segments` (unit, start, end) in samples, end to end, int32; the `syllables` chosen.

    `score`: mean log posterior of the path over its frames of speech, at most 0. `collapsed`: the path is none that
    speech can take; text and sound do not belong together.
    """

    segments: np.ndarray
    syllables: tuple[str, ...]
    score: float
    collapsed: bool


def possible_readings(words: Sequence[str]) -> tuple[tuple[Reading, ...], ...]:
    """The readings of each word of a sentence, the likeliest first: in context, with and without the sandhi of third
    tones, by itself, and a lone character's others.

    Raises `ValueError` for a character without a reading that the model has sounds for.
    """
    in_context = tones_of(words)
    heard = iter(as_heard([syllable for word in in_context for syllable in word]))
    result = []
    for word, plain in zip(words, in_context, strict=True):
        found: list[Reading] = [tuple(itertools.islice(heard, len(word))), plain, as_heard(tones_of((word,))[0])]
        if len(word) == 1:
            found += [(reading,) for reading in readings_of(word)[:2]]
        if found[0][-1][-1] == "3":
            found.append((*found[0][:-1], found[0][-1][:-1] + "2"))
        spoken = [reading for reading in found if all(toneless(syllable) in SYLLABLES for syllable in reading)]
        if not spoken:
            raise ValueError(f"the model has no sounds for {word}")
        result.append(tuple(dict.fromkeys(spoken))[:_MOST_READINGS])
    return tuple(result)


def align(
    log_posteriors: np.ndarray, log_priors: np.ndarray, words: Sequence[Sequence[Reading]], samples: int
) -> Aligned | None:
    """Find the likeliest path of `words` (the readings of each, the commonest first) through a recording.

    `log_posteriors` (output frames, states) of the network, `log_priors` (states); `samples`: the recording's length
    at 8000 Hz. None when it has fewer frames than the text needs.
    """
    chain = _Chain.of(words)
    path = chain.best_path((log_posteriors - log_priors)[:, chain.emitted])
    if path is None:
        return None
    occurrences = np.array(chain.occurrences)[path]
    units = np.array(chain.units)[path]
    segments = _segments(units, occurrences, samples)
    chosen = {chain.readings[occurrence] for occurrence in set(occurrences.tolist())} - {None}
    reading_of = dict(sorted(choice for choice in chosen if choice))
    syllables = [syllable for index, readings in enumerate(words) for syllable in readings[reading_of[index]]]
    spoken = units != SILENCE
    states = np.array(chain.emitted)[path]
    score = float(log_posteriors[np.arange(len(path)), states][spoken].mean())
    lengths = np.bincount(occurrences[spoken])
    lengths = lengths[lengths > 0]
    collapsed = (lengths == 1).mean() > _MOST_SINGLE or lengths.max() > _LONGEST_UNIT
    return Aligned(segments, tuple(syllables), score, bool(collapsed))


def cut_evenly(samples: np.ndarray, words: Sequence[Sequence[Reading]]) -> Aligned | None:
    """Share the loud stretches of a recording (s16, 8000 Hz) out among the units of the first readings: what a network
    is trained on that nobody has taught yet. None for a recording too short for the text.
    """
    syllables = [syllable for readings in words for syllable in readings[0]]
    parts = [units_of(syllable) for syllable in syllables]
    units = np.array([UNIT_ID[unit] for part in parts for unit in part])
    loud = np.flatnonzero(_loud(samples))
    if len(loud) < len(units):
        return None
    weights = [_FINAL_WEIGHT if index == len(part) - 1 else 1.0 for part in parts for index in range(len(part))]
    ends = np.cumsum(weights) / np.sum(weights)
    occurrences = np.full(len(_loud(samples)), -1)
    occurrences[loud] = np.searchsorted(ends, (np.arange(len(loud)) + 0.5) / len(loud))
    path = np.where(occurrences >= 0, units[np.maximum(occurrences, 0)], SILENCE)
    return Aligned(_segments(path, occurrences, len(samples)), tuple(syllables), 0.0, collapsed=False)


def _loud(samples: np.ndarray) -> np.ndarray:
    """Which output frames hold speech, by their level alone."""
    frames = max(1, -(-len(samples) // STEP))
    padded = np.zeros(frames * STEP, np.float64)
    padded[: len(samples)] = samples
    level = 10 * np.log10((padded.reshape(frames, _RMS_SAMPLES) ** 2).mean(1) + 1.0)
    floor, peak = np.percentile(level, 5), np.percentile(level, 98)
    loud: np.ndarray = level > min(max(floor + _OVER_FLOOR_DB, peak - _UNDER_PEAK_DB), peak - 6)
    edges = np.flatnonzero(np.diff(loud.astype(np.int8)))
    for start, end in itertools.pairwise(edges):
        if not loud[start + 1] and end - start <= _GAP:
            loud[start : end + 1] = True
    return loud


def _segments(units: np.ndarray, occurrences: np.ndarray, samples: int) -> np.ndarray:
    """Segments of a path; they begin where `labels.states_of` finds these very frames again."""
    starts = np.flatnonzero(np.r_[True, occurrences[1:] != occurrences[:-1]])
    at = np.maximum(starts * STEP + CENTRE - STEP // 2, 0)
    at[0] = 0
    ends = np.r_[at[1:], max(samples, at[-1] + 1)]
    return np.column_stack([units[starts], at, ends]).astype(np.int32)


class _Chain:
    """The states a sentence may pass through, each after those it can come from."""

    def __init__(self) -> None:
        self.units: list[int] = []
        self.emitted: list[int] = []  # the network's states
        self.occurrences: list[int] = []  # which unit of the sentence, counted
        self.readings: list[tuple[int, int] | None] = []  # of each occurrence: word and reading; None: silence
        self._before: list[list[tuple[int, float]]] = []  # states and costs; −1 is the beginning
        self._last: list[int] = []

    @classmethod
    def of(cls, words: Sequence[Sequence[Reading]]) -> _Chain:
        chain = cls()
        ends = [(-1, 0.0)]
        ends += chain._silence(ends, 1)
        for index, readings in enumerate(words):
            after = []
            for rank, reading in enumerate(readings):
                at = [(state, cost + rank * _RARER_COST) for state, cost in ends]
                for unit in itertools.chain.from_iterable(units_of(syllable) for syllable in reading):
                    at = chain._unit(UNIT_ID[unit], at, (index, rank))
                after += at
            is_last = index == len(words) - 1
            paused = chain._silence([(state, cost + _PAUSE_COST * (not is_last)) for state, cost in after],
                                    1 if is_last else _LEAST_PAUSE)  # fmt: skip
            ends = after + paused
        chain._last = [state for state, _ in ends]
        return chain

    def _unit(
        self, unit: int, before: Iterable[tuple[int, float]], reading: tuple[int, int] | None
    ) -> list[tuple[int, float]]:
        """Add a unit of one frame or more; gives the states it may end in."""
        self.readings.append(reading)
        first = self._state(unit, 2 * unit, before)
        rest = self._state(unit, 2 * unit + 1, [(first, 0.0)], stays=True)
        return [(first, 0.0), (rest, 0.0)]

    def _silence(self, before: Iterable[tuple[int, float]], least: int) -> list[tuple[int, float]]:
        """Add silence of at least so many frames."""
        ends = self._unit(SILENCE, before, None)
        if least == 1:
            return ends
        # The looping state becomes the last of a row.
        rest = ends[1][0]
        at = ends[0][0]
        for _ in range(least - 2):
            at = self._state(SILENCE, 2 * SILENCE + 1, [(at, 0.0)])
        self._before[rest] = [(at, 0.0), (rest, 0.0)]
        return [(rest, 0.0)]

    def _state(self, unit: int, emitted: int, before: Iterable[tuple[int, float]], *, stays: bool = False) -> int:
        number = len(self.units)
        self.units.append(unit)
        self.emitted.append(emitted)
        self.occurrences.append(len(self.readings) - 1)
        self._before.append([*before, *([(number, 0.0)] if stays else [])])
        return number

    def best_path(self, scores: np.ndarray) -> np.ndarray | None:
        """The state of every frame; `scores` (frames, states of the chain). None when there are too few frames."""
        frames, states = scores.shape
        widest = max(map(len, self._before))
        before = np.full((states, widest), states)  # the state that never is
        costs = np.zeros((states, widest))
        best = np.full(states + 1, -np.inf)
        for state, arcs in enumerate(self._before):
            for place, (source, cost) in enumerate(arcs):
                if source < 0:
                    best[state] = scores[0, state] - cost
                else:
                    before[state, place], costs[state, place] = source, -cost
        came_by = np.zeros((frames, states), np.int16)
        every = np.arange(states)
        for frame in range(1, frames):
            reached = best[before] + costs
            came_by[frame] = reached.argmax(1)
            best[:states] = reached[every, came_by[frame]] + scores[frame]
        state = max(self._last, key=lambda last: best[last])
        if not np.isfinite(best[state]):
            return None
        path = np.empty(frames, np.int64)
        for frame in range(frames - 1, -1, -1):
            path[frame] = state
            state = int(before[state, came_by[frame, state]])
        return path
