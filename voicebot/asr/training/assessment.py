"""Judging a finished model on voices, sentences and noises it never met: the table that its manifest carries."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from voicebot.asr.evaluate import Recording, hear, measure
from voicebot.asr.recognizer import Ear
from voicebot.asr.telephone import lose_packets, through_alaw
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


# From float samples with silence around them to what arrives.
CONDITIONS: dict[str, Condition] = {
    "clean": lambda samples, _: _s16(samples),
    "alaw": lambda samples, _: through_alaw(_s16(samples)),
    "alaw, noise 10 dB": lambda samples, rng: through_alaw(_s16(_noisy(samples, rng, 10.0))),
    "alaw, loss 3 %": lambda samples, rng: lose_packets(through_alaw(_s16(samples)), 0.03, rng),
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
        heard = CONDITIONS[condition](padded, rng)
        yield Recording(heard.tobytes(), speech.text, {"voice": speech.variant or "default"})


def assess_apart(
    model: Path, sets: Mapping[str, Sequence[Path]], *, seed: int, limit: int | None = None
) -> dict[str, Any]:
    """`assess` in a child process: libvosk hangs when it is loaded beside kaldifst, with which the graph was made."""
    job = {"sets": {name: [str(path) for path in paths] for name, paths in sets.items()}, "seed": seed, "limit": limit}
    done = subprocess.run(
        [sys.executable, "-m", "voicebot.asr.training.assessment", str(model)],
        input=json.dumps(job),
        capture_output=True,
        check=False,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"judging {model} failed: {done.stderr.strip()[-300:]}")
    table: dict[str, Any] = json.loads(done.stdout)
    return table


def assess(ear: Ear, sets: Mapping[str, Sequence[Path]], *, seed: int, limit: int | None = None) -> dict[str, Any]:
    """The table {set: {condition: rates}} and the false words a minute on what is no speech."""
    table: dict[str, Any] = {}
    for name, chunks in sets.items():
        table[name] = {}
        for condition in CONDITIONS:
            rates = measure(ear, heard_over(chunks, condition, seed, limit))
            table[name][condition] = {key: rates[key] for key in ("utterances", "cer", "sentence_accuracy", "rtf")}
    table["false words a minute"] = false_words(ear, seed=seed)
    return table


def false_words(ear: Ear, *, seed: int) -> dict[str, float]:
    """Known words heard a minute in noises of the test set, silence and telephone tones, through A-law."""
    rng = np.random.default_rng([seed, 99])
    count = SAMPLE_RATE * _NON_SPEECH_S
    time = np.arange(count) / SAMPLE_RATE
    ringback = np.sin(2 * np.pi * 450 * time) * (np.mod(time, 5) < 1)
    busy = np.sin(2 * np.pi * 450 * time) * (np.mod(time, 0.7) < 0.35)
    sounds = {"silence": np.zeros(count), "ringback": ringback, "busy tone": busy}
    sounds |= {name: noise(count, rng, _NO_OTHERS) for name, noise in sorted(TEST_NOISES.items())}
    found = {}
    for name, sound in sounds.items():
        words = 0
        for level_db in (-20.0, -30.0, -45.0):
            power = np.sqrt(np.mean(sound**2)) + 1e-9
            heard = through_alaw(_s16(sound / power * 32768 * 10 ** (level_db / 20)))
            words += sum(word.text != "[unk]" for final in hear(ear, heard.tobytes()) for word in final.words)
        found[name] = round(words / (3 * _NON_SPEECH_S / 60), 2)
    return found


def _child(model: Path) -> None:
    from voicebot.asr.vosk import VoskEar  # only here: see assess_apart

    job = json.load(sys.stdin)
    sets = {name: [Path(path) for path in paths] for name, paths in job["sets"].items()}
    table = assess(VoskEar(model, trusted=True), sets, seed=job["seed"], limit=job["limit"])
    sys.stdout.write(json.dumps(table))


if __name__ == "__main__":
    _child(Path(sys.argv[1]))
