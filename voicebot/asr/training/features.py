"""What the network hears: filter banks, computed as Kaldi does for the options in `FBANK_CONF` (held against
kaldi-native-fbank), and pitch.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from voicebot.asr.training.pitch import DIMENSIONS, pitch

SAMPLE_RATE = 8000
BINS = 40
INPUTS = BINS + DIMENSIONS
SHIFT = 80  # 10 ms
WINDOW = 200  # 25 ms
_FFT = 256
_LOW_HZ, _HIGH_HZ = 60.0, SAMPLE_RATE / 2 - 200.0
_PREEMPHASIS = 0.97

# Goes into the model as conf/fbank.conf.
FBANK_CONF = """\
--sample-frequency=8000
--frame-length=25
--frame-shift=10
--num-mel-bins=40
--low-freq=60
--high-freq=-200
--dither=0
--use-energy=false
"""


@lru_cache(maxsize=1)
def _window() -> np.ndarray:
    """Kaldi's povey window."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / (WINDOW - 1))).astype(np.float32) ** np.float32(0.85)


@lru_cache(maxsize=1)
def _mel() -> np.ndarray:
    """(FFT bins, mel bins): triangles, even on the mel scale."""

    def mel(hz: float | np.ndarray) -> np.ndarray:
        return 1127.0 * np.log(1.0 + np.asarray(hz) / 700.0)

    edges = mel(_LOW_HZ) + np.arange(BINS + 2) * (mel(_HIGH_HZ) - mel(_LOW_HZ)) / (BINS + 1)
    points = mel(np.arange(_FFT // 2) * SAMPLE_RATE / _FFT)[:, None]
    rising = (points - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - points) / (edges[2:] - edges[1:-1])
    return np.asarray(np.maximum(0.0, np.minimum(rising, falling)), np.float32)


def features(samples: np.ndarray) -> np.ndarray:
    """(frames, INPUTS), float32, of samples in the range of s16 at 8000 Hz: filter banks, then pitch."""
    banks, tracked = fbank(samples), pitch(samples)
    if not len(banks) or not len(tracked):
        return np.zeros((0, INPUTS), np.float32)
    missing = max(0, len(banks) - len(tracked))  # the tracker's last window ends a little later
    tracked = np.concatenate([tracked, np.repeat(tracked[-1:], missing, axis=0)])[: len(banks)]
    return np.concatenate([banks, tracked], axis=1)


def fbank(samples: np.ndarray) -> np.ndarray:
    """Log mel energies (frames, 40), float32, of samples in the range of s16 at 8000 Hz; whole windows only."""
    count = 1 + (len(samples) - WINDOW) // SHIFT
    if count < 1:
        return np.zeros((0, BINS), np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(samples.astype(np.float32), WINDOW)[::SHIFT][:count]
    frames = frames - frames.mean(axis=1, keepdims=True)
    emphasised = np.empty_like(frames)
    emphasised[:, 1:] = frames[:, 1:] - _PREEMPHASIS * frames[:, :-1]
    emphasised[:, 0] = frames[:, 0] * (1 - _PREEMPHASIS)
    spectrum = np.fft.rfft(emphasised * _window(), _FFT)[:, : _FFT // 2]
    power = spectrum.real**2 + spectrum.imag**2
    energies = power.astype(np.float32) @ _mel()
    return np.asarray(np.log(np.maximum(energies, np.finfo(np.float32).eps)))
