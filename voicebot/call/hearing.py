"""The listener: one thread a call takes the line's frames to the recording, voice activity and the recogniser.

Audio stays here; what leaves is small events with their time on the audio clock (ms since the first frame, which is
also the position in the recording).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from voicebot.asr.recognizer import AsrFault, Recognizer, Transcript
from voicebot.call.activity import FRAME_MS, VoiceActivity

log = logging.getLogger(__name__)
_TICK_MS = 100


@dataclass(frozen=True, slots=True)
class SpeechBegan:
    """The callee began to speak at `at_ms`."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class SpeechEnded:
    """The callee's last voiced frame ended at `at_ms` (noticed 200 ms later)."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class HeardPartial:
    """The recogniser's present guess at the turn so far."""

    at_ms: int
    text: str


@dataclass(frozen=True, slots=True)
class HeardFinal:
    """The recogniser's last word on a stretch. `asked`: it answers `Listener.finish`. `offset_ms`: where the
    recogniser's own clock (word times) begins on ours.
    """

    at_ms: int
    transcript: Transcript
    asked: bool
    offset_ms: int


@dataclass(frozen=True, slots=True)
class PlayBegan:
    """The first frame of this utterance went out at `at_ms`."""

    at_ms: int
    utterance: int


@dataclass(frozen=True, slots=True)
class PlayEnded:
    """The utterance is over at `at_ms`; `complete` if it was played to its end."""

    at_ms: int
    utterance: int
    complete: bool


@dataclass(frozen=True, slots=True)
class Tick:
    """The audio clock went on."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class EarLost:
    """The recogniser failed; from now on only voice activity is known."""

    at_ms: int
    reason: str


Sensed = SpeechBegan | SpeechEnded | HeardPartial | HeardFinal | PlayBegan | PlayEnded | Tick | EarLost


class TickFrame(Protocol):
    """What is needed of `sip.line.Frame`."""

    @property
    def rx(self) -> bytes: ...  # noqa: D102 - see sip.line.Frame
    @property
    def tx(self) -> bytes: ...  # noqa: D102
    @property
    def utterance(self) -> int: ...  # noqa: D102
    @property
    def last(self) -> bool: ...  # noqa: D102


class Frames(Protocol):
    """What is needed of `sip.line.FrameQueue`."""

    def get(self, timeout_s: float) -> Sequence[TickFrame] | None: ...  # noqa: D102 - see sip.line.FrameQueue


class Tape(Protocol):
    """What is needed of `voicebot.store.recording.Recording`."""

    def write(self, rx: bytes, tx: bytes) -> None: ...  # noqa: D102 - see Recording


class Listener:
    """Turns frames into `Sensed` events, given to `post` (called on the listener's thread).

    `process` is the whole logic and needs no thread: tests feed it frames at any speed.
    """

    def __init__(self, recognizer: Recognizer, tape: Tape, post: Callable[[Sensed], None]) -> None:
        self._recognizer: Recognizer | None = recognizer
        self._tape = tape
        self._post = post
        self._activity = VoiceActivity()
        self._frames_seen = 0
        self._playing = 0
        self._finish_asked = threading.Event()
        self._hearing = threading.Event()
        self._heard_from_ms = 0
        self._hearing_began = False
        self._thread: threading.Thread | None = None

    @property
    def now_ms(self) -> int:
        """The audio clock."""
        return self._frames_seen * FRAME_MS

    def start(self, frames: Frames, name: str) -> None:
        """Listen on a thread of its own until the line ends; the last event is then the recogniser's final."""

        def run() -> None:
            while (batch := frames.get(0.5)) is not None:
                self.process(batch)
            # What was said last may still be in the recogniser, and it counts (a "别再打了" and a click).
            self._finish()

        self._thread = threading.Thread(target=run, name=f"listener-{name}", daemon=True)
        self._thread.start()

    def join(self, stalled_s: float) -> bool:
        """Wait until everything of the ended line was processed. A loaded machine is waited for as long as it gets on;
        False after `stalled_s` in which no frame was processed (the recogniser's final may take as long).
        """
        seen = -1
        while self._thread is not None and self._thread.is_alive() and seen != self._frames_seen:
            seen = self._frames_seen
            self._thread.join(stalled_s)
        return self._thread is None or not self._thread.is_alive()

    def open_ears(self) -> None:
        """From here on the audio is the callee's (before the answer it is the network's): any thread."""
        self._hearing.set()

    def finish(self) -> None:
        """The turn is over: ask the recogniser for its final, which comes as `HeardFinal(asked=True)`. Any thread."""
        self._finish_asked.set()

    def process(self, frames: Iterable[TickFrame]) -> None:
        """Take frames in order; on the listener's thread only."""
        heard: list[bytes] = []
        for frame in frames:
            at_ms = self.now_ms
            self._tape.write(frame.rx, frame.tx)
            self._follow_playing(frame, at_ms)
            if self._hearing.is_set():
                if not self._hearing_began:
                    self._hearing_began, self._heard_from_ms = True, at_ms
                heard.append(frame.rx)
                self._follow_speech(frame.rx, at_ms)
            self._frames_seen += 1
            if self.now_ms % _TICK_MS == 0:
                self._post(Tick(self.now_ms))
        if heard:
            self._recognize(b"".join(heard))
        if self._finish_asked.is_set():
            self._finish_asked.clear()
            self._finish()

    def _follow_playing(self, frame: TickFrame, at_ms: int) -> None:
        if frame.utterance != self._playing:
            if self._playing:
                self._post(PlayEnded(at_ms, self._playing, complete=False))
            if frame.utterance:
                self._post(PlayBegan(at_ms, frame.utterance))
            self._playing = frame.utterance
        if frame.last:
            self._post(PlayEnded(at_ms + FRAME_MS, self._playing, complete=True))
            self._playing = 0

    def _follow_speech(self, rx: bytes, at_ms: int) -> None:
        change = self._activity.feed(rx, at_ms)
        if change is True and self._activity.speaking_since_ms is not None:
            self._post(SpeechBegan(self._activity.speaking_since_ms))
        elif change is False:
            self._post(SpeechEnded(self._activity.last_voiced_ms))

    def _recognize(self, pcm: bytes) -> None:
        if self._recognizer is None:
            return
        try:
            transcript = self._recognizer.accept(pcm)
        except AsrFault as fault:
            self._lose_ear(fault)
            return
        if transcript is None:
            return
        if transcript.final:
            self._post(HeardFinal(self.now_ms, transcript, asked=False, offset_ms=self._heard_from_ms))
        else:
            self._post(HeardPartial(self.now_ms, transcript.text))

    def _finish(self) -> None:
        transcript = Transcript("", final=True)
        if self._recognizer is not None:
            try:
                transcript = self._recognizer.finish()
            except AsrFault as fault:
                self._lose_ear(fault)
        self._post(HeardFinal(self.now_ms, transcript, asked=True, offset_ms=self._heard_from_ms))

    def _lose_ear(self, fault: AsrFault) -> None:
        log.error("recogniser lost: %s", fault)
        self._recognizer = None
        self._post(EarLost(self.now_ms, str(fault)))
