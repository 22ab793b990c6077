"""Speech to listen to: made when the tests run, by the espeak-ng that the robot itself carries."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import soxr

from voicebot.asr.manifest import ModelManifest, read_manifest
from voicebot.asr.sherpa import SherpaEar
from voicebot.asr.training.espeak import SAMPLE_RATE, Espeak, Manner
from voicebot.asr.vosk import VoskEar

MODEL = Path(__file__).parents[2] / "asr_models" / "zh-8k-synthetic"
DATA = Path(__file__).parent / "data"  # see make_tiny_sherpa.py

# What scripts cannot do without (docs/domain.md, what callees say).
PHRASES = (
    *("对我是", "我就是", "不是我", "打错了", "他不在", "我是他老婆", "知道了", "卖点票", "我在开会", "下午三点再打"),
    *("明天上午", "别再打了", "以后都别联系", "比例多少", "线是多少", "差多少", "哪天到期", "不还会咋样", "怎么弄"),
    *("你是机器人吧", "你哪个证券", "转人工", "你再说一遍", "喂", "嗯", "好", "行", "可以"),
)

Say = Callable[..., bytes]


@lru_cache(maxsize=1)
def espeak() -> Espeak:
    """The engine, which a process may have only once."""
    return Espeak()


@pytest.fixture(scope="session")
def say() -> Say:
    """`say(text, variant="", rate=160)`: s16le 8000 Hz of at most −12 dBFS, without silence around it."""

    def speak(text: str, variant: str = "", rate: int = 160) -> bytes:
        samples, _ = espeak().say(text, Manner(variant, rate))
        speech = soxr.resample(samples.astype(np.float32), SAMPLE_RATE, 8000)
        return (speech / np.abs(speech).max() * 8192).astype("<i2").tobytes()

    return speak


@pytest.fixture(scope="session")
def model() -> Path:
    return MODEL


@pytest.fixture(scope="session")
def vosk_ear() -> VoskEar:
    return VoskEar(MODEL)


@pytest.fixture(scope="session")
def sherpa_ctc_ear() -> SherpaEar:
    return SherpaEar(DATA / "sherpa-ctc")


@pytest.fixture(scope="session")
def sherpa_transducer_ear() -> SherpaEar:
    return SherpaEar(DATA / "sherpa-transducer")


@pytest.fixture(scope="session")
def vosk_manifest() -> ModelManifest:
    manifest = read_manifest(MODEL)
    assert manifest is not None
    return manifest
