"""A callee for one's own desk: what is typed is spoken, coded as on the telephone, and heard by the robot's ear."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np

from tts.readable import readable
from tts.voice import SAMPLE_RATE, Style, Voice
from voicebot.asr.recognizer import Ear, Transcript, confidence_of
from voicebot.asr.telephone import through_alaw

_FRAME_BYTES = 320  # 20 ms
# Around the words as in a call: the robot's end of turn comes 600 ms after the last of them (voicebot/call/turns.py).
_BEFORE = bytes(2 * SAMPLE_RATE * 300 // 1000)
_AFTER = bytes(2 * SAMPLE_RATE * 700 // 1000)
_UNKNOWN = "[unk]"


@dataclass(frozen=True, slots=True)
class HeardLine:
    """What the ear made of a line: "[unk]" where it found no words; `confidence` 0–1; `pcm`: what it was given."""

    text: str
    confidence: float
    pcm: bytes


def other_style(robot: Style) -> Style:
    """A speaker that is not the robot's."""
    return Style(variant="f3" if robot.variant == "m3" else "m3", rate=175, pitch=45)


class CalleeVoice:
    """Speaks with `voice` in `style` and hears with `ear`, one stream for the whole conversation as in a call.
    `phrases`: what the ear may expect. A context manager; it closes the stream and the voice.
    """

    def __init__(self, voice: Voice, style: Style, ear: Ear, phrases: Sequence[str] = ()) -> None:
        self._voice = voice
        self._style = style
        self._runner = asyncio.Runner()
        self._recognizer = ear.open(phrases)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._recognizer.close()
        self._runner.run(self._voice.close())
        self._runner.close()

    def hear(self, text: str) -> HeardLine:
        """Speak a line and hear it. Raises `VoiceFault` (nothing speakable in it) and `AsrFault`."""
        pcm = self._alaw(_BEFORE + self.speak(readable(text), self._style) + _AFTER)
        finals: list[Transcript] = []
        for start in range(0, len(pcm), _FRAME_BYTES):
            heard = self._recognizer.accept(pcm[start : start + _FRAME_BYTES])
            if heard is not None and heard.final:
                finals.append(heard)
        finals.append(self._recognizer.finish())
        said = "".join(final.text for final in finals)
        return HeardLine(said if said.replace(_UNKNOWN, "") else _UNKNOWN, confidence_of(finals), pcm)

    def speak(self, text: str, style: Style) -> bytes:
        """A text in its spoken form as s16le 8000 Hz. Raises `VoiceFault`."""
        return self._runner.run(self._voice.render(text, style))

    @staticmethod
    def _alaw(pcm: bytes) -> bytes:
        return np.asarray(through_alaw(np.frombuffer(pcm, np.int16)), "<i2").tobytes()
