"""From an engine's samples to the telephone's: 8000 Hz, trimmed, at one loudness."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import soxr

from tts.voice import SAMPLE_RATE

Samples = npt.NDArray[np.float32]

ACTIVE_DBFS = -20.0
"""Loudness of active speech. About 6 dB under G.711's full scale is lost to peaks; ITU-T P.56 levels of −26…−16 dBov
are usual on telephone lines."""
PEAK_DBFS = -1.0
MARGIN_MS = 40
"""Silence left at both ends: some of the breath before a plosive, and less than the 60 ms `Voice` allows."""

_FRAME = SAMPLE_RATE // 100  # 10 ms
_AUDIBLE_DB = -26.0  # against active speech: after levelling −46 dBFS, under which a telephone line is silent
_FADE = SAMPLE_RATE // 200  # 5 ms: no click where the silence was cut


def shape(pcm: bytes, rate: int, volume: float = 1.0) -> bytes:
    """Mono s16le at `rate` Hz → s16le at 8000 Hz, silence at the ends cut to 40 ms, active speech at −20 dBFS RMS times
    `volume` (0.0–1.0), peaks under −1 dBFS. Empty when nothing audible is in it.
    """
    samples: Samples = np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32768)
    if rate != SAMPLE_RATE:
        samples = soxr.resample(samples, rate, SAMPLE_RATE, quality="HQ")
    samples = trim(samples)
    level = active_dbfs(samples)
    if level is None:
        return b""
    gain = 10 ** ((ACTIVE_DBFS - level) / 20)
    peak = float(np.max(np.abs(samples)))
    # A peaky voice becomes quieter rather than clipped.
    gain = min(gain, 10 ** (PEAK_DBFS / 20) / peak) * min(max(volume, 0.0), 1.0)
    return np.asarray(np.rint(samples * gain * 32767), "<i2").tobytes()


def active_dbfs(samples: Samples) -> float | None:
    """RMS of the frames in which something is heard, in dBFS; None for silence."""
    energies = _energies(samples)
    loudest = float(energies.max(initial=0.0))
    if loudest < 1e-8:  # −80 dBFS: below one step of 16 bits
        return None
    active = energies[energies > loudest * 1e-3]  # within 30 dB of the loudest: pauses do not count
    return float(10 * np.log10(active.mean()))


def audible(samples: Samples) -> tuple[int, int] | None:
    """Where something is heard: from the first sample to behind the last, to 10 ms; None for silence."""
    level = active_dbfs(samples)
    if level is None:
        return None
    frames = np.flatnonzero(_energies(samples) > 10 ** ((level + _AUDIBLE_DB) / 10))
    return int(frames[0]) * _FRAME, min((int(frames[-1]) + 1) * _FRAME, len(samples))


def trim(samples: Samples) -> Samples:
    """Cut the silence at both ends down to 40 ms each, without a click. Empty when all is silence."""
    heard = audible(samples)
    if heard is None:
        return samples[:0]
    margin = MARGIN_MS * SAMPLE_RATE // 1000
    cut = samples[max(heard[0] - margin, 0) : heard[1] + margin].copy()
    fade = np.linspace(0.0, 1.0, min(_FADE, len(cut)), dtype=np.float32)
    cut[: len(fade)] *= fade
    cut[-len(fade) :] *= fade[::-1]
    return cut


def _energies(samples: Samples) -> npt.NDArray[np.float64]:
    padded = np.pad(samples, (0, -len(samples) % _FRAME)).astype(np.float64)
    energies: npt.NDArray[np.float64] = np.square(padded.reshape(-1, _FRAME)).mean(axis=1)
    return energies
