"""Speech to listen to: made when the tests run, by the espeak-ng that the robot itself carries."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import soxr

from voicebot.asr.training.espeak import SAMPLE_RATE, Espeak, Manner
from voicebot.asr.vosk import VoskEar

MODEL = Path(__file__).parents[2] / "asr_models" / "zh-8k-synthetic"

Say = Callable[..., bytes]


@lru_cache(maxsize=1)
def _espeak() -> Espeak:
    return Espeak()


@pytest.fixture(scope="session")
def say() -> Say:
    """`say(text, variant="", rate=160)`: s16le 8000 Hz of at most −12 dBFS, without silence around it."""

    def speak(text: str, variant: str = "", rate: int = 160) -> bytes:
        samples, _ = _espeak().say(text, Manner(variant, rate))
        speech = soxr.resample(samples.astype(np.float32), SAMPLE_RATE, 8000)
        return (speech / np.abs(speech).max() * 8192).astype("<i2").tobytes()

    return speak


@pytest.fixture(scope="session")
def model() -> Path:
    return MODEL


@pytest.fixture(scope="session")
def vosk_ear() -> VoskEar:
    return VoskEar(MODEL)
