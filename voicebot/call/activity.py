"""Voice activity: which stretches of the callee's audio are speech, on the line's own clock (20 ms frames)."""

from __future__ import annotations

import array
import math
from collections import deque

import webrtcvad

FRAME_MS = 20
SAMPLE_RATE = 8000

# WebRTC's detector in its second strictest mode still fires on hiss and line hum; a level floor keeps those out.
_MODE = 2
_FLOOR_DBFS = -48.0
# Speech begins when 4 of 6 frames are voiced (a click is shorter) and is over after 200 ms without a voiced frame:
# longer than the closure of a plosive, shorter than any pause that ends a turn.
_WINDOW, _NEEDED = 6, 4
_HANGOVER_MS = 200


def level_dbfs(frame: bytes) -> float:
    """RMS level of s16le samples in dB below full scale; -120 for digital silence."""
    samples = array.array("h", frame)
    if not samples:
        return -120.0
    power = sum(s * s for s in samples) / len(samples)
    return 10 * math.log10(power / 32768**2) if power else -120.0


class VoiceActivity:
    """Fed frame by frame; knows whether the callee speaks, since when, and when the last voiced frame ended.

    `speaking_since_ms` is None while nobody speaks. Times are ms on the clock the caller gives.
    """

    def __init__(self) -> None:
        self._detector = webrtcvad.Vad(_MODE)
        self._recent: deque[tuple[int, bool]] = deque(maxlen=_WINDOW)
        self.speaking_since_ms: int | None = None
        self.last_voiced_ms = 0

    def feed(self, frame: bytes, at_ms: int) -> bool | None:
        """Take the frame that starts at `at_ms` (s16le, 8000 Hz, 20 ms). True: speech has begun (see
        `speaking_since_ms`); False: it is over (see `last_voiced_ms`); None: no change.
        """
        voiced = level_dbfs(frame) > _FLOOR_DBFS and self._detector.is_speech(frame, SAMPLE_RATE)
        self._recent.append((at_ms, voiced))
        if voiced:
            self.last_voiced_ms = at_ms + FRAME_MS
        if self.speaking_since_ms is None:
            if sum(v for _, v in self._recent) >= _NEEDED:
                self.speaking_since_ms = next(t for t, v in self._recent if v)
                return True
        elif at_ms + FRAME_MS - self.last_voiced_ms >= _HANGOVER_MS:
            self.speaking_since_ms = None
            self._recent.clear()
            return False
        return None
