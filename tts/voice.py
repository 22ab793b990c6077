"""What every speech engine offers: `Voice.render(text)` gives PCM for the telephone.

Audio is mono s16le at 8000 Hz. Text is what shall be heard: figures are already words (see `tts.normalise`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

SAMPLE_RATE = 8000


class VoiceFault(Exception):
    """The engine failed. `permanent`: the same text cannot succeed (nothing speakable in it, no such voice)."""

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent


@dataclass(frozen=True, slots=True)
class Style:
    """How to speak. `variant`: the engine's name for a speaker ("" = its default); `rate`: words a minute as espeak
    counts them (175 = its normal); `pitch`: 0–99; `volume`: 0.0–1.0.
    """

    variant: str = ""
    rate: int = 185
    pitch: int = 50
    volume: float = 1.0


class Voice(Protocol):
    """A speaker. `key` names engine, version and everything else that changes the sound: the cache depends on it."""

    key: str

    async def render(self, text: str, style: Style = ...) -> bytes:
        """Speak `text` (Chinese, spoken form) and give its PCM, without leading or trailing silence over 60 ms.
        Raises `VoiceFault`.
        """
        ...

    async def close(self) -> None:
        """Free the engine and end its process. Idempotent."""
        ...
