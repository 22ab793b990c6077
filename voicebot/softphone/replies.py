"""When a persona speaks, presses keys and hangs up: a pure machine fed with the call's 20 ms frames.

It counts time in frames and looks at no clock, so the same frames always give the same actions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from voicebot.softphone.persona import Hearing, Persona, Turn

FRAME_MS = 20

_BEGIN_FRAMES = 3  # of the last five: 60 ms of sound is speech, a click is shorter
_WINDOW = 5
_LEAST_SPEECH_MS = 200  # a robot's shortest word (好) is longer
_GAP_MS = 300  # pauses between words are shorter; after this the robot is not speaking at the moment
_TAIL_MS = 300  # before hanging up after its own last word, as people do


@dataclass(frozen=True, slots=True)
class Say:
    """Say `Persona.lines[line]`."""

    line: int


@dataclass(frozen=True, slots=True)
class Press:
    """Press these keys."""

    keys: str


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the call."""


@dataclass(frozen=True, slots=True)
class RobotTurn:
    """Not an action but news: the robot's turn from `began_ms` to `ended_ms` is over."""

    began_ms: int
    ended_ms: int


Action = Say | Press | HangUp | RobotTurn


class RobotVoice:
    """Whether the robot speaks, by level. Its turn: speech until `pause_ms` of silence."""

    def __init__(self, hearing: Hearing) -> None:
        self._hearing = hearing
        self._recent: list[bool] = []
        self._spoken_ms = 0
        self.began_ms: int | None = None
        self.ended_ms = 0  # the end of the last loud frame

    def feed(self, rx: bytes, now_ms: int) -> RobotTurn | None:
        """Take the frame that ends at `now_ms`; gives the turn that is over with it."""
        loud = level_dbfs(rx) > self._hearing.threshold_dbfs
        self._recent = [*self._recent[1 - _WINDOW :], loud]
        if self.began_ms is None:
            if sum(self._recent) >= _BEGIN_FRAMES:
                self.began_ms = now_ms - FRAME_MS * (len(self._recent) - self._recent.index(True))
                self.ended_ms = now_ms
                self._spoken_ms = FRAME_MS * _BEGIN_FRAMES
            return None
        if loud:
            self.ended_ms = now_ms
            self._spoken_ms += FRAME_MS
        elif now_ms - self.ended_ms >= self._hearing.pause_ms:
            turn = RobotTurn(self.began_ms, self.ended_ms)
            meant = self._spoken_ms >= _LEAST_SPEECH_MS
            self.forget()
            return turn if meant else None
        return None

    def speaks(self, now_ms: int) -> bool:
        """Whether it speaks at this moment, short gaps between words included."""
        return self.began_ms is not None and now_ms - self.ended_ms <= _GAP_MS

    def forget(self) -> None:
        """What was heard of the present turn counts no longer."""
        self.began_ms = None
        self._recent = []


class Replies:
    """One call of a persona, from the answer on. What it says is over when `feed` is told so."""

    def __init__(self, persona: Persona) -> None:
        self._persona = persona
        self._robot = RobotVoice(persona.hearing)
        self._now_ms = 0
        self._next = 0  # index of the entry that waits
        self._said = 0  # lines used so far
        self._speaking = False
        self._done_ms = 0  # since when nothing of its own is going on
        self._turns = 0  # turns of the robot since the entry before
        self._turn_over_ms = 0
        self._gone = False

    def feed(self, rx: bytes, *, own_ended: bool = False) -> list[Action]:
        """Take one 20 ms frame of s16le 8000 Hz from the robot; `own_ended`: it is also the last frame of what the
        persona was saying. Gives what happens now, oldest first.
        """
        self._now_ms += FRAME_MS
        news: list[Action] = []
        turn = self._robot.feed(rx, self._now_ms)
        if turn is not None:
            news.append(turn)
            self._turns += 1
            self._turn_over_ms = self._now_ms
        if own_ended:
            self._speaking = False
            self._done_ms = self._now_ms
            if not self._robot.speaks(self._now_ms):
                # What the robot said meanwhile, or was saying when it was interrupted, is no answer to this line.
                self._robot.forget()
                self._turns = 0
        if not (self._speaking or self._gone):
            news += self._act()
        return news

    def _act(self) -> list[Action]:
        if self._next < len(self._persona.turns):
            entry = self._persona.turns[self._next]
            return self._begin(entry) if self._is_time(entry) else []
        if self._persona.then == "hang_up":
            if self._now_ms - self._done_ms < _TAIL_MS:
                return []
            self._gone = True
            return [HangUp()]
        if self._persona.repeat is not None and self._turns:
            self._turns = 0
            self._speaking = True
            return [Say(len(self._persona.lines) - 1)]
        return []

    def _is_time(self, entry: Turn) -> bool:
        match entry.trigger:
            case "robot":
                return self._turns >= entry.nth and self._now_ms - self._turn_over_ms >= entry.delay_ms
            case "over":
                began = self._robot.began_ms
                if began is None or not self._robot.speaks(self._now_ms):
                    return False
                return self._now_ms - max(began, self._done_ms) >= entry.delay_ms
            case "silence":
                assert entry.silence_s is not None  # noqa: S101 - that is what makes it this trigger
                if self._robot.speaks(self._now_ms):
                    return False
                return self._now_ms - max(self._robot.ended_ms, self._done_ms) >= entry.silence_s * 1000
            case "line":
                return self._now_ms - self._done_ms >= entry.delay_ms
            case "answer":
                return self._now_ms >= entry.delay_ms

    def _begin(self, entry: Turn) -> list[Action]:
        self._next += 1
        self._turns = 0
        self._done_ms = self._now_ms
        if entry.say is not None:
            self._said += 1
            self._speaking = True
            return [Say(self._said - 1)]
        if entry.keys:
            return [Press(entry.keys)]
        self._gone = True
        return [HangUp()]


def level_dbfs(pcm: bytes) -> float:
    """RMS of s16le samples in dB below full scale; −120 for digital silence."""
    samples = np.frombuffer(pcm, "<i2").astype(np.float64)
    power = float(np.mean(samples * samples)) if len(samples) else 0.0
    return 10 * float(np.log10(power / 32768**2)) if power else -120.0
