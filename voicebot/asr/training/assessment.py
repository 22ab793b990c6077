"""Judging a finished model on voices, sentences and noises it never met: the table that its manifest carries."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from scipy.signal import fftconvolve

from voicebot.asr.evaluate import Recording, hear, measure
from voicebot.asr.recognizer import Ear, Transcript
from voicebot.asr.telephone import lose_packets, through_alaw, through_ulaw
from voicebot.asr.training.augmentation import TEST_NOISES, add_noise
from voicebot.asr.training.synthesis import read_chunk

SAMPLE_RATE = 8000
_LEVEL_DB = -24.0  # of the speech, RMS against full scale
_BEFORE, _AFTER = 2400, 4800  # samples of silence around each sentence
_NON_SPEECH_S = 20
_NO_OTHERS: Sequence[np.ndarray] = ()

Condition = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def _noisy(samples: np.ndarray, rng: np.random.Generator, snr_db: float) -> np.ndarray:
    name = sorted(TEST_NOISES)[rng.integers(len(TEST_NOISES))]
    # The ratio is that of the speech, not of the silence around it, hence the correction.
    silence_db = 10 * np.log10(len(samples) / (len(samples) - _BEFORE - _AFTER))
    return add_noise(samples, TEST_NOISES[name](len(samples), rng, _NO_OTHERS), snr_db - silence_db)


def _s16(samples: np.ndarray) -> np.ndarray:
    return np.clip(np.round(samples), -32768, 32767).astype(np.int16)


def _in_room(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A tiled room: 0.3 s until the echo is 60 dB down."""
    length = int(0.3 * SAMPLE_RATE)
    echo = rng.standard_normal(length) * 10 ** (-3 * np.arange(length) / length) * 0.15
    echo[0] = 1
    return np.asarray(fftconvolve(samples, echo)[: len(samples)])


def _paced(samples: np.ndarray, pace: float) -> np.ndarray:
    """Faster or slower, and higher or lower with it, as a tape."""
    return np.asarray(soxr.resample(samples, SAMPLE_RATE, SAMPLE_RATE / pace, "HQ"))


# From float samples with silence around them to what arrives. The first four are those of the goals.
CONDITIONS: dict[str, Condition] = {
    "clean": lambda samples, _: _s16(samples),
    "alaw": lambda samples, _: through_alaw(_s16(samples)),
    "alaw, noise 10 dB": lambda samples, rng: through_alaw(_s16(_noisy(samples, rng, 10.0))),
    "alaw, loss 3 %": lambda samples, rng: lose_packets(through_alaw(_s16(samples)), 0.03, rng),
}
HARDSHIPS: dict[str, Condition] = {
    "ulaw": lambda samples, _: through_ulaw(_s16(samples)),
    "alaw, 20 dB softer": lambda samples, _: through_alaw(_s16(samples * 0.1)),
    "alaw, 20 dB louder (clipped)": lambda samples, _: through_alaw(_s16(samples * 10)),
    "alaw, noise 20 dB": lambda samples, rng: through_alaw(_s16(_noisy(samples, rng, 20.0))),
    "alaw, noise 5 dB": lambda samples, rng: through_alaw(_s16(_noisy(samples, rng, 5.0))),
    "alaw, loss 5 %": lambda samples, rng: lose_packets(through_alaw(_s16(samples)), 0.05, rng),
    "alaw, room": lambda samples, rng: through_alaw(_s16(_in_room(samples, rng))),
    "alaw, pace 0.75": lambda samples, _: through_alaw(_s16(_paced(samples, 0.75))),
    "alaw, pace 1.35": lambda samples, _: through_alaw(_s16(_paced(samples, 1.35))),
}


def heard_over(chunks: Iterable[Path], condition: str, seed: int, limit: int | None = None) -> Iterator[Recording]:
    """The sentences of some chunk files under a condition; noise and loss depend on the seed and the order alone."""
    rng = np.random.default_rng([seed, *condition.encode()])
    speeches = (speech for path in chunks for speech in read_chunk(path))
    for index, speech in enumerate(speeches):
        if limit is not None and index >= limit:
            return
        samples = speech.samples.astype(np.float64)
        samples *= 32768 * 10 ** (_LEVEL_DB / 20) / (np.sqrt(np.mean(samples**2)) + 1e-9)
        padded = np.concatenate([np.zeros(_BEFORE), samples, np.zeros(_AFTER)])
        heard = (CONDITIONS | HARDSHIPS)[condition](padded, rng)
        yield Recording(heard.tobytes(), speech.text, {"voice": speech.variant or "default"})


def assess(ear: Ear, sets: Mapping[str, Sequence[Path]], *, seed: int, limit: int | None = None) -> dict[str, Any]:
    """The table {set: {condition: rates}}, hardships on the written lines only, and false words a minute."""
    table: dict[str, Any] = {}
    for name, chunks in sets.items():
        if name.endswith("-foreign"):
            continue
        table[name] = {}
        for condition in (*CONDITIONS, *(HARDSHIPS if name.endswith("-talk") else ())):
            rates = measure(ear, heard_over(chunks, condition, seed, limit))
            table[name][condition] = {key: rates[key] for key in ("utterances", "cer", "sentence_accuracy", "rtf")}
    foreign = [chunk for name, chunks in sets.items() if name.endswith("-foreign") for chunk in chunks]
    table["false words a minute"] = {**false_words(ear, seed=seed), **foreign_words(ear, foreign, seed=seed)}
    return table


def foreign_words(ear: Ear, chunks: Iterable[Path], *, seed: int) -> dict[str, float]:
    """Known words heard a minute in languages that are none of ours, through A-law."""
    words, seconds = 0, 0.0
    for recording in heard_over(chunks, "alaw", seed):
        pcm = recording.pcm if isinstance(recording.pcm, bytes) else b"".join(recording.pcm)
        words += _known(hear(ear, pcm))
        seconds += len(pcm) / 2 / SAMPLE_RATE
    return {"other languages": round(words / seconds * 60, 2)} if seconds else {}


def _known(finals: Iterable[Transcript]) -> int:
    return sum(word.text != "[unk]" for final in finals for word in final.words)


def _tune(count: int, rng: np.random.Generator) -> np.ndarray:
    """Music of another make than training's: a reedy melody with vibrato over a bass."""
    time = np.arange(count) / SAMPLE_RATE
    notes = 220 * 2 ** (rng.choice([0, 2, 4, 7, 9, 12, 14], count // 2000 + 1) / 12)
    pitch = np.repeat(notes, 2000)[:count] * (1 + 0.01 * np.sin(2 * np.pi * 5.5 * time))
    phase = 2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE
    reed = np.sign(np.sin(phase)) * (0.6 + 0.4 * np.sin(2 * np.pi * 2 * time))
    return np.asarray(reed + 0.7 * np.sin(phase / 4))


def false_words(ear: Ear, *, seed: int) -> dict[str, float]:
    """Known words heard a minute in noises of the test set, silence, telephone tones and music, through A-law."""
    rng = np.random.default_rng([seed, 99])
    count = SAMPLE_RATE * _NON_SPEECH_S
    time = np.arange(count) / SAMPLE_RATE
    ringback = np.sin(2 * np.pi * 450 * time) * (np.mod(time, 5) < 1)
    busy = np.sin(2 * np.pi * 450 * time) * (np.mod(time, 0.7) < 0.35)
    sounds = {"silence": np.zeros(count), "ringback": ringback, "busy tone": busy, "music": _tune(count, rng)}
    sounds |= {name: noise(count, rng, _NO_OTHERS) for name, noise in sorted(TEST_NOISES.items())}
    found = {}
    for name, sound in sounds.items():
        words = 0
        for level_db in (-20.0, -30.0, -45.0):
            power = np.sqrt(np.mean(sound**2)) + 1e-9
            heard = through_alaw(_s16(sound / power * 32768 * 10 ** (level_db / 20)))
            words += _known(hear(ear, heard.tobytes()))
        found[name] = round(words / (3 * _NON_SPEECH_S / 60), 2)
    return found
