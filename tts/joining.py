"""Pieces of speech from several places made one: same loudness, natural pauses, no click where they meet."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import soxr

from tts.levels import ACTIVE_DBFS, PEAK_DBFS, Samples, active_dbfs, audible, trim
from tts.voice import SAMPLE_RATE

FADE_MS = 8
_FADE = FADE_MS * SAMPLE_RATE // 1000
_LOOK_AHEAD = SAMPLE_RATE // 200  # 5 ms: the limiter turns down before a peak comes, without a step
# Under the deepest voice (80 Hz): a microphone's DC offset, hum of a desk. Faded out between the two.
_STOP_HZ, _PASS_HZ = 40.0, 80.0


def to_line(samples: npt.NDArray[np.int16], rate: int) -> Samples:
    """A recording (mono s16 at `rate` Hz) as the line takes it: 8000 Hz, no DC, silence at the ends cut to 40 ms.
    Empty when nothing is heard in it.
    """
    sound = samples.astype(np.float32) / np.float32(32768)
    sound -= sound.mean() if len(sound) else np.float32(0)
    if rate != SAMPLE_RATE:
        sound = soxr.resample(sound, rate, SAMPLE_RATE, quality="HQ")
    return trim(_without_rumble(sound))


def join(pieces: Sequence[Samples], pauses_ms: Sequence[int], volume: float = 1.0) -> bytes:
    """Trimmed pieces at 8000 Hz → s16le: each at −20 dBFS of active speech times `volume`, peaks under −1 dBFS, between
    its neighbours `pauses_ms` (one fewer than pieces) without sound. What little silence a piece carries at its ends
    lies in the pause and is faded over 8 ms.
    """
    placed: list[tuple[int, Samples]] = []
    heard_until = 0
    for i, piece in enumerate(pieces):
        levelled = _at_one_level(piece)
        heard = audible(levelled)
        if heard is None:
            continue
        begin = heard_until + pauses_ms[i - 1] * SAMPLE_RATE // 1000 if placed else heard[0]
        placed.append((begin - heard[0], _faded(levelled, start=bool(placed), end=i + 1 < len(pieces))))
        heard_until = begin + heard[1] - heard[0]
    if not placed:
        return b""
    # A pause shorter than the silence before it would put a piece before the beginning.
    first = min(at for at, _ in placed)
    whole = np.zeros(max(at + len(piece) for at, piece in placed) - first, np.float32)
    for at, piece in placed:
        whole[at - first : at - first + len(piece)] += piece
    samples = limit(whole) * np.float32(min(max(volume, 0.0), 1.0))
    return np.asarray(np.rint(samples * 32767), "<i2").tobytes()


def limit(samples: Samples) -> Samples:
    """Peaks over −1 dBFS turned down, and only they: 5 ms before and after each, smoothly."""
    ceiling = 10 ** (PEAK_DBFS / 20)
    allowed = np.minimum(1.0, ceiling / np.maximum(np.abs(samples), 1e-9))
    if not len(samples) or float(allowed.min()) == 1.0:
        return samples
    width = 2 * _LOOK_AHEAD + 1
    held = np.lib.stride_tricks.sliding_window_view(np.pad(allowed, 2 * _LOOK_AHEAD, constant_values=1.0), width)
    window = np.hanning(width + 2)[1:-1]
    # Every value under the window is at most what the sample in its middle allows, and so is their mean.
    gain = np.convolve(held.min(axis=1), window / window.sum(), "valid")
    return np.asarray(samples * gain, np.float32)


def _at_one_level(samples: Samples) -> Samples:
    for _ in range(3):  # what the limiter takes from a peaky voice is given back to the rest of it
        level = active_dbfs(samples)
        if level is None:
            break
        samples = limit(np.asarray(samples * 10 ** ((ACTIVE_DBFS - level) / 20), np.float32))
    return samples


def _faded(samples: Samples, *, start: bool, end: bool) -> Samples:
    """Raised-cosine fades at the ends that meet another piece."""
    faded = samples.copy()
    ramp = ((1 - np.cos(np.pi * np.arange(1, _FADE + 1) / (_FADE + 1))) / 2).astype(np.float32)[: len(faded)]
    if start:
        faded[: len(ramp)] *= ramp
    if end:
        faded[-len(ramp) :] *= ramp[::-1]
    return faded


def _without_rumble(samples: Samples) -> Samples:
    edge = min(SAMPLE_RATE // 4, max(len(samples) - 1, 0))  # hum that breaks off at the ends would be heard as a thump
    if not edge:
        return samples
    padded = np.pad(samples, edge, mode="reflect", reflect_type="odd")
    share = np.clip((np.fft.rfftfreq(len(padded), 1 / SAMPLE_RATE) - _STOP_HZ) / (_PASS_HZ - _STOP_HZ), 0, 1)
    spectrum = np.fft.rfft(padded) * (1 - np.cos(np.pi * share)) / 2
    return np.fft.irfft(spectrum, len(padded))[edge:-edge].astype(np.float32)
