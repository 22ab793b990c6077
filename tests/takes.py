"""Recordings as a studio would deliver them, made of tones: syllables at any rate, loudness and pitch."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np


def syllables(
    count: int, rate: int = 44100, *, hz: float = 220, dbfs: float = -20, dc: float = 0, silence_ms: int = 300
) -> np.ndarray:
    """`count` bursts of a tone with harmonics, 170 ms each and 20 ms apart, in silence; s16 samples."""
    time = np.arange(int(0.17 * rate)) / rate
    burst = sum(np.sin(2 * np.pi * hz * n * time) / n for n in range(1, 6)) * np.sin(np.pi * time / 0.17) ** 0.3
    burst *= 10 ** (dbfs / 20) / np.sqrt(np.square(burst).mean())
    gap = np.zeros(int(0.02 * rate))
    edge = np.zeros(int(silence_ms / 1000 * rate))
    sound = np.concatenate([edge, *[part for _ in range(count) for part in (burst, gap)], edge]) + dc
    noise = np.random.default_rng(1).normal(0, 1e-4, len(sound))
    return np.clip(np.rint((sound + noise) * 32768), -32768, 32767).astype("<i2")


def write(path: Path, samples: np.ndarray, rate: int = 44100, *, channels: int = 1) -> Path:
    """A plain PCM WAV file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return path
