"""What the telephone does to speech: G.711, and lost packets with what the receiver puts in their place."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

FRAME = 160  # 20 ms at 8000 Hz, one RTP packet


@lru_cache(maxsize=1)
def _alaw_table() -> np.ndarray:
    """s16 (+32768) → s16 after A-law and back (ITU-T G.711)."""
    linear = np.arange(-32768, 32768) >> 3
    magnitude = np.where(linear >= 0, linear, -linear - 1)
    segment = np.searchsorted([0x1F, 0x3F, 0x7F, 0xFF, 0x1FF, 0x3FF, 0x7FF], magnitude)
    step = np.maximum(segment, 1)
    mantissa = (magnitude >> step) & 0xF
    decoded = np.where(segment == 0, (mantissa << 4) + 8, ((mantissa << 4) + 0x108) << (step - 1))
    return np.asarray(np.where(linear >= 0, decoded, -decoded), np.int16)


@lru_cache(maxsize=1)
def _ulaw_table() -> np.ndarray:
    """s16 (+32768) → s16 after µ-law and back (ITU-T G.711)."""
    linear = np.arange(-32768, 32768)
    magnitude = np.minimum(np.abs(linear), 32635) + 0x84
    exponent = np.floor(np.log2(magnitude)).astype(np.int64) - 7
    mantissa = (magnitude >> (exponent + 3)) & 0xF
    decoded = (((mantissa << 3) + 0x84) << exponent) - 0x84
    return np.asarray(np.where(linear < 0, -decoded, decoded), np.int16)


def through_alaw(samples: np.ndarray) -> np.ndarray:
    """S16 samples after PCMA and back."""
    return _alaw_table()[samples.astype(np.int32) + 32768]


def through_ulaw(samples: np.ndarray) -> np.ndarray:
    """S16 samples after PCMU and back."""
    return _ulaw_table()[samples.astype(np.int32) + 32768]


def lose_packets(samples: np.ndarray, share: float, rng: np.random.Generator, *, conceal: bool = True) -> np.ndarray:
    """Lose about `share` (0–1) of the 20 ms packets, singly or in bursts of up to three.

    With `conceal` a lost packet repeats the last one heard, ever softer, as simple receivers do; else it is silence.
    """
    heard = samples.copy()
    packets = len(samples) // FRAME
    lost = 0
    packet = 0
    while packet < packets:
        if rng.random() >= share / 1.5:  # a burst is 1.5 packets long on the average
            lost = 0
            packet += 1
            continue
        for _ in range(int(rng.choice([1, 1, 1, 2, 2, 3], p=[0.25, 0.25, 0.15, 0.1, 0.1, 0.15]))):
            if packet >= packets:
                break
            start = packet * FRAME
            previous = heard[start - FRAME : start] if conceal and start else np.zeros(FRAME, np.int16)
            lost += 1
            heard[start : start + FRAME] = (previous * (0.9 if lost == 1 else 0.5)).astype(np.int16)
            packet += 1
    return heard
