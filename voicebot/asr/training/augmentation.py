"""Clean synthetic speech made into telephone calls: other throats, rooms, noises, levels, codecs and lost packets.

The noises of training (`TRAIN_NOISES`) and those that judge the model (`TEST_NOISES`) are different kinds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import soxr
from scipy.signal import butter, fftconvolve, lfilter, sosfilt

from voicebot.asr.telephone import lose_packets, through_alaw, through_ulaw
from voicebot.asr.training.phones import SILENCE

SAMPLE_RATE = 8000

Noise = Callable[[int, np.random.Generator, Sequence[np.ndarray]], np.ndarray]


def _white(count: int, rng: np.random.Generator, _: Sequence[np.ndarray]) -> np.ndarray:
    return rng.standard_normal(count)


def _coloured(count: int, rng: np.random.Generator, _: Sequence[np.ndarray]) -> np.ndarray:
    return np.asarray(lfilter([1], [1, -rng.uniform(0.3, 0.97)], rng.standard_normal(count)))


def _hum(count: int, rng: np.random.Generator, _: Sequence[np.ndarray]) -> np.ndarray:
    time = np.arange(count) / SAMPLE_RATE
    base = rng.uniform(45, 130)
    tones = sum(rng.uniform(0, 1) * np.sin(2 * np.pi * base * k * time + rng.uniform(0, 6)) for k in range(1, 8))
    return np.asarray(tones) + 0.3 * rng.standard_normal(count)


def _babble(count: int, rng: np.random.Generator, others: Sequence[np.ndarray]) -> np.ndarray:
    mixed = np.zeros(count)
    for _voice in range(rng.integers(3, 7)):
        voice = others[int(rng.integers(len(others)))].astype(np.float64)
        mixed += np.roll(np.resize(voice, count), rng.integers(count))
    return mixed


def _clatter(count: int, rng: np.random.Generator, _: Sequence[np.ndarray]) -> np.ndarray:
    """Knocks and clicks over a faint hiss."""
    noise = 0.03 * rng.standard_normal(count)
    for _knock in range(max(1, int(count / SAMPLE_RATE * rng.uniform(1, 6)))):
        at, length = rng.integers(count), rng.integers(40, 600)
        knock = rng.standard_normal(length) * np.exp(-5 * np.arange(length) / length)
        noise[at : at + length] += knock[: max(0, count - at)]
    return noise


def _music(count: int, rng: np.random.Generator, _: Sequence[np.ndarray]) -> np.ndarray:
    """Plucked chords."""
    notes = np.zeros(count)
    at = 0
    while at < count:
        length = int(SAMPLE_RATE * rng.uniform(0.15, 0.8))
        time = np.arange(min(length, count - at)) / SAMPLE_RATE
        for _note in range(rng.integers(1, 4)):
            pitch = 110 * 2 ** (rng.integers(0, 36) / 12)
            for harmonic in range(1, 5):
                tone = np.sin(2 * np.pi * pitch * harmonic * time) / harmonic
                notes[at : at + len(time)] += tone * np.exp(-rng.uniform(1, 6) * time)
        at += length
    return notes


def _organ(count: int, rng: np.random.Generator, _: Sequence[np.ndarray]) -> np.ndarray:
    """Held and gliding tones with a timbre of their own: strings, pipes, sirens, a voice that sings without words."""
    sound = np.zeros(count)
    time = np.arange(count) / SAMPLE_RATE
    for _voice in range(rng.integers(1, 4)):
        changes = np.sort(rng.integers(0, count, rng.integers(1, 2 + count // 1500)))
        steps = rng.integers(-12, 25, len(changes) + 1) if rng.random() < 0.8 else np.zeros(len(changes) + 1)
        note = steps[np.searchsorted(changes, np.arange(count), side="right")].astype(np.float64)
        slowness = rng.integers(1, 1200)
        held = np.pad(note, slowness, mode="edge")
        note = np.convolve(held, np.ones(slowness) / slowness, "same")[slowness:-slowness]
        wobble = rng.uniform(0, 0.4) * np.sin(2 * np.pi * rng.uniform(3, 8) * time)
        phase = 2 * np.pi * np.cumsum(rng.uniform(90, 300) * 2 ** ((note + wobble) / 12)) / SAMPLE_RATE
        fall = rng.uniform(0.2, 2)
        for harmonic in range(1, rng.integers(2, 14)):
            if rng.random() < 0.8:
                sound += np.sin(harmonic * phase) * rng.uniform(0.3, 1) / harmonic**fall
    return np.asarray(sound)


_SCALES = ((0, 2, 3, 5, 7, 8, 10), (0, 2, 4, 5, 7, 9, 11), (0, 3, 5, 7, 10), tuple(range(12)))


def _band(count: int, rng: np.random.Generator, _: Sequence[np.ndarray]) -> np.ndarray:
    """A tune on bright instruments (pulses, saws, bells, bowed or sung vowels) with a rhythm, at times with drums:
    what is nearest to speech in music.
    """
    sound = np.zeros(count)
    time = np.arange(count) / SAMPLE_RATE
    beat = int(SAMPLE_RATE * rng.uniform(0.11, 0.6))
    scale = rng.choice(
        [[0, 2, 3, 5, 7, 8, 10], [0, 2, 4, 5, 7, 9, 11], [0, 3, 5, 7, 10], list(range(12))][rng.integers(4)], 40
    )
    for _voice in range(rng.integers(1, 4)):
        lengths = beat * rng.choice([0.5, 1, 1, 1, 2, 3], 2 * count // beat + 4)
        ends = np.cumsum(np.maximum(lengths, 400)).astype(int)
        index = np.searchsorted(ends, np.arange(count), side="right")
        height = rng.choice([-12, 0, 0, 0, 12, 24])
        note = (scale[rng.integers(0, len(scale), len(ends) + 1)] + 12 * rng.integers(0, 2, len(ends) + 1) + height)[
            index
        ]
        vibrato = rng.uniform(0, 0.35) * np.sin(2 * np.pi * rng.uniform(3.5, 8) * time + rng.uniform(0, 6))
        phase = np.cumsum(rng.uniform(150, 330) * 2 ** ((note + vibrato) / 12)) / SAMPLE_RATE
        kind = rng.integers(4)
        if kind == 0:
            tone = np.where(np.mod(phase, 1) < rng.uniform(0.1, 0.5), 1.0, -1.0)
        elif kind == 1:
            tone = 2 * np.mod(phase, 1) - 1
        elif kind == 2:  # bells and brass: one tone bends the other
            tone = np.sin(
                2 * np.pi * phase + rng.uniform(0.5, 6) * np.sin(2 * np.pi * phase * rng.choice([0.5, 1, 1.41, 2, 3]))
            )
        else:
            tone = np.mod(phase, 1) ** rng.uniform(2, 8) - 0.2
            for _formant in range(rng.integers(1, 4)):
                middle = rng.uniform(300, 3000)
                band = [middle * 0.85, min(middle * 1.15, 3900)]
                tone = tone * 0.2 + sosfilt(butter(1, band, "band", fs=SAMPLE_RATE, output="sos"), tone)
        since = np.arange(count) - np.concatenate([[0], ends])[index]
        attack = np.minimum(1, since / rng.uniform(8, 800))
        tone = tone * attack * np.exp(-since / SAMPLE_RATE * rng.choice([0, 0, 1, 4, 9]))
        if rng.random() < 0.3:
            tone = tone * (rng.random(len(ends) + 1) < 0.75)[index]  # rests
        sound += rng.uniform(0.3, 1) * tone
    if rng.random() < 0.35:
        for start in range(0, count, beat):
            length = min(int(rng.uniform(200, 1500)), count - start)
            hit = rng.standard_normal(length) * np.exp(-6 * np.arange(length) / length)
            sound[start : start + length] += rng.uniform(0.2, 1.5) * hit
    return sound


def _signal_tone(count: int, rng: np.random.Generator, _: Sequence[np.ndarray]) -> np.ndarray:
    """Call-progress tones and keys: one or two tones, on and off."""
    time = np.arange(count) / SAMPLE_RATE
    tones = np.sin(2 * np.pi * rng.choice([425, 440, 450, 480, 697, 770, 852, 941]) * time)
    if rng.random() < 0.5:
        tones = tones + np.sin(2 * np.pi * rng.choice([620, 1209, 1336, 1477]) * time)
    on, off = rng.uniform(0.08, 1.2), rng.uniform(0.08, 2)
    return np.asarray(tones) * (np.mod(time + rng.uniform(0, 2), on + off) < on) + 0.001 * rng.standard_normal(count)


def _street(count: int, rng: np.random.Generator, _: Sequence[np.ndarray]) -> np.ndarray:
    """Rumble that swells and fades: engines passing by."""
    low = sosfilt(butter(2, rng.uniform(300, 900), fs=SAMPLE_RATE, output="sos"), rng.standard_normal(count))
    swell = 1 + 0.8 * np.sin(2 * np.pi * rng.uniform(0.1, 0.5) * np.arange(count) / SAMPLE_RATE + rng.uniform(0, 6))
    return np.asarray(low * swell)


def _fan(count: int, rng: np.random.Generator, _: Sequence[np.ndarray]) -> np.ndarray:
    """Pink-like hiss with the blades' beat."""
    hiss = lfilter([0.05, -0.09, 0.05], [1, -2.49, 2.02, -0.52], rng.standard_normal(count))
    beat = 1 + 0.3 * np.sin(2 * np.pi * rng.uniform(8, 25) * np.arange(count) / SAMPLE_RATE)
    return np.asarray(hiss * beat)


TRAIN_NOISES: dict[str, Noise] = {
    "white": _white,
    "coloured": _coloured,
    "hum": _hum,
    "babble": _babble,
    "clatter": _clatter,
    "music": _music,
    "organ": _organ,
    "band": _band,
    "tone": _signal_tone,
}
TEST_NOISES: dict[str, Noise] = {"street": _street, "fan": _fan}
_WEIGHTS = np.array([0.25, 0.27, 0.12, 0.16, 0.1, 0.03, 0.02, 0.03, 0.02])


def add_noise(samples: np.ndarray, noise: np.ndarray, snr_db: float) -> np.ndarray:
    """`samples` with `noise` laid over at this ratio of mean powers."""
    power = np.mean(samples**2) + 1e-12
    return np.asarray(samples + noise * np.sqrt(power / (np.mean(noise**2) + 1e-12) * 10 ** (-snr_db / 10)))


def _made(name: str, count: int, rng: np.random.Generator, others: Sequence[np.ndarray]) -> np.ndarray:
    """A noise of training, now and then behind a wall (low-passed) or swelling and fading."""
    noise = TRAIN_NOISES[name](count, rng, others)
    if rng.random() < 0.3:
        noise = sosfilt(butter(2, rng.uniform(200, 2000), fs=SAMPLE_RATE, output="sos"), noise)
    if rng.random() < 0.4:
        depth, pace = rng.uniform(0.2, 1.0), 10 ** rng.uniform(-1, 1.5)
        noise = noise * (1 + depth * np.sin(2 * np.pi * pace * np.arange(count) / SAMPLE_RATE + rng.uniform(0, 6)))
    return noise


def augment(
    speech: np.ndarray, segments: np.ndarray, others: Sequence[np.ndarray], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """One way that `speech` (s16, 8000 Hz, with segments (unit, start, end)) may arrive over a telephone.

    `others`: speech for babble. Gives s16 samples, with silence before and after, and the segments moved along.
    """
    samples = speech.astype(np.float32)
    if rng.random() < 0.7:
        # Another length of throat: pitch, formants and pace together; children's and small women's are rare in espeak.
        stretch = rng.uniform(0.72, 1.0) if rng.random() < 0.6 else rng.uniform(1.0, 1.27)
        samples = soxr.resample(samples, SAMPLE_RATE, SAMPLE_RATE * stretch, "LQ")
        segments = np.column_stack([segments[:, 0], (segments[:, 1:] * stretch).astype(np.int32)])
    samples = samples.astype(np.float64)
    spoken = len(samples)
    before = int(SAMPLE_RATE * (rng.uniform(0.03, 0.4) if rng.random() < 0.8 else rng.uniform(0.4, 1.2)))
    after = int(SAMPLE_RATE * (rng.uniform(0.08, 0.5) if rng.random() < 0.93 else rng.uniform(0.5, 2.0)))
    samples = np.concatenate([np.zeros(before), samples, np.zeros(after)])
    moved = segments + np.array([0, before, before], segments.dtype)
    total = len(samples)
    segments = np.concatenate([[[SILENCE, 0, before]], moved, [[SILENCE, before + spoken, total]]]).astype(np.int32)
    if rng.random() < 0.3:
        samples = _in_room(samples, rng)
    if rng.random() < 0.5:
        band = [rng.uniform(80, 330), rng.uniform(3100, 3800)]
        samples = sosfilt(butter(2, band, "band", fs=SAMPLE_RATE, output="sos"), samples)
    if rng.random() < 0.4:
        samples = lfilter([1, rng.uniform(-0.8, 0.6)], [1], samples)
    samples /= np.sqrt(np.mean(samples[before : before + spoken] ** 2)) + 1e-6
    if rng.random() < 0.85:
        name = rng.choice(list(TRAIN_NOISES), p=_WEIGHTS)
        samples = add_noise(samples, _made(str(name), total, rng, others), rng.uniform(3, 28) - 2)
    return _transmitted(samples, rng), segments


def non_speech(others: Sequence[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Some seconds of what is no speech to be heard: noise, music, tones, a distant crowd, or nothing."""
    count = int(SAMPLE_RATE * rng.uniform(1, 4))
    name = rng.choice([*TRAIN_NOISES, "organ", "organ", *["band"] * 6, "nothing"])
    samples = np.zeros(count) if name == "nothing" else _made(str(name), count, rng, others)
    level = np.sqrt(np.mean(samples**2)) + 1e-9
    # A crowd is speech after all: only when far away it is to be ignored.
    quiet = rng.uniform(25, 45) if name == "babble" else rng.uniform(0, 40)
    return _transmitted(samples / level * 10 ** (-quiet / 20), rng)


def _in_room(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    length = int(SAMPLE_RATE * rng.uniform(0.08, 0.45))
    echo = rng.standard_normal(length) * np.exp(-6.9 * np.arange(length) / length) * rng.uniform(0.04, 0.35)
    echo[0] = 1
    return np.asarray(fftconvolve(samples, echo)[: len(samples)])


def _transmitted(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Level, clipping, codec and packet loss on samples with a speech level of 1."""
    gain = 32768 * 10 ** (-rng.uniform(10, 42) / 20)
    if rng.random() < 0.08:
        ceiling = rng.uniform(0.8, 2.5)
        samples = np.clip(samples, -ceiling, ceiling)
    heard = np.clip(np.round(samples * gain), -32768, 32767).astype(np.int16)
    codec = rng.random()
    if codec < 0.45:
        heard = through_alaw(heard)
    elif codec < 0.7:
        heard = through_ulaw(heard)
    if rng.random() < 0.2:
        heard = lose_packets(heard, rng.uniform(0.005, 0.07), rng, conceal=bool(rng.random() < 0.7))
    return heard
