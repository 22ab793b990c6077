"""A voice without an engine, for tests: a buzz per syllable, the same for the same text on every machine."""

from __future__ import annotations

import re
import zlib

import numpy as np

from tts.levels import shape
from tts.readable import readable
from tts.voice import SAMPLE_RATE, Style, Voice, VoiceFault

_SYLLABLE_MS = 180  # of it 40 ms silence, at a rate of 185; espeak-ng speaks about as fast
_PAUSE_MS = 250  # at a comma or full stop inside the text
_VARIANT = re.compile(r"(?:cmn\+)?([fm])([1-9])")
_PLAIN = Style()


class ScriptedVoice(Voice):
    """Speaks every text as bursts of eight harmonics, one a Hanzi, whose pitch depends on it. `Style.variant`: "" or
    f1–f9, m1–m9. `rendered` counts the renderings.
    """

    key = "scripted 1"

    def __init__(self) -> None:
        self.rendered = 0

    async def render(self, text: str, style: Style = _PLAIN) -> bytes:
        """See `Voice.render`."""
        words = readable(text)
        if not any(map(str.isalnum, words)):
            raise VoiceFault("nothing speakable in the text", permanent=True)
        variant = _VARIANT.fullmatch(style.variant or "f1")
        if not variant:
            raise VoiceFault(f"the scripted voice has no variant {style.variant!r}", permanent=True)
        self.rendered += 1
        base = (110 if variant[1] == "m" else 190) + 4 * int(variant[2]) + (style.pitch - 50)
        pieces = [
            _burst(character, base, 185 / style.rate) if character.isalnum() else np.zeros(_samples(_PAUSE_MS))
            for character in words
        ]
        samples = np.rint(np.concatenate(pieces) * 8000).astype("<i2")
        return shape(samples.tobytes(), SAMPLE_RATE, style.volume)

    async def close(self) -> None:
        """See `Voice.close`."""


def _burst(character: str, base: float, stretch: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    frequency = base * (1 + zlib.crc32(character.encode()) % 7 / 20)
    length, voiced = _samples(_SYLLABLE_MS * stretch), _samples((_SYLLABLE_MS - 40) * stretch)
    time_s = np.arange(voiced) / SAMPLE_RATE
    tone = sum(np.sin(2 * np.pi * frequency * n * time_s) / n for n in range(1, 9))
    burst = np.zeros(length)
    burst[:voiced] = tone * np.sin(np.pi * np.arange(voiced) / voiced) ** 0.5
    return burst


def _samples(ms: float) -> int:
    return int(ms * SAMPLE_RATE / 1000)
