"""Turn-taking: a pure policy over audio-clock events says when the callee's turn is over, when the robot gives way,
and when silence has lasted too long. No clock, no thread, no audio: tests are tables of events.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from voicebot.asr.recognizer import Transcript, confidence_of
from voicebot.asr.written import written_of
from voicebot.call.hearing import EarLost, HeardFinal, HeardPartial, Sensed, SpeechBegan, SpeechEnded, Tick


@dataclass(frozen=True, slots=True)
class Timing:
    """The policy's figures, in ms of the audio clock. Usual in the market: end of turn 700, interruption
    500 (docs/domain.md §5).

    `end_silence_ms`: silence that ends a turn; `end_silence_empty_ms`: the same while nothing was recognised yet;
    `barge_in_ms`: speech over the robot that counts as an interruption, once it has words;
    `least_speech_ms`: shorter sounds without words are noise; `longest_turn_ms`: after that the robot answers anyway.
    """

    end_silence_ms: int = 600
    end_silence_empty_ms: int = 900
    barge_in_ms: int = 400
    least_speech_ms: int = 300
    longest_turn_ms: int = 20_000


@dataclass(frozen=True, slots=True)
class GiveWay:
    """Stop speaking: the callee interrupts."""


@dataclass(frozen=True, slots=True)
class AskFinal:
    """The turn is over: ask the recogniser for its final."""


@dataclass(frozen=True, slots=True)
class TurnOver:
    """What the callee said, from `start_ms` to `end_ms`; `confidence` of the recogniser. "[unk]" without words.
    `written`: the same with numbers in figures (`voicebot.asr.written`), for those who read it.
    """

    text: str
    start_ms: int
    end_ms: int
    confidence: float
    written: str


@dataclass(frozen=True, slots=True)
class TooQuiet:
    """The wait is over and the callee has said nothing."""


Decision = GiveWay | AskFinal | TurnOver | TooQuiet
UNKNOWN_SPEECH = "[unk]"


class TurnPolicy:
    """One call's turn-taking. `is_backchannel(text)` tells words that only show attention (嗯嗯, 哦).

    The session tells it what the robot does (`robot_speaks`, `robot_silent`, `listen`); `feed` gives decisions.
    """

    def __init__(self, timing: Timing, is_backchannel: Callable[[str], bool]) -> None:
        self._timing = timing
        self._is_backchannel = is_backchannel
        self._robot_speaking = False
        self._interruptible = True
        self._robot_ended_ms = 0
        self._wait_from_ms: int | None = None
        self._wait_ms = 0
        self._speaking = False
        self._turn_began_ms: int | None = None
        self._speech_ended_ms = 0
        self._began_over_robot = False
        self._finals: list[Transcript] = []
        self._partial = ""
        self._asked = False

    # -- what the robot does

    def robot_speaks(self, *, interruptible: bool) -> None:
        """An utterance began, or follows without a gap."""
        self._robot_speaking, self._interruptible = True, interruptible
        self._wait_from_ms = None

    def robot_silent(self, at_ms: int) -> None:
        """Everything queued was played or dropped."""
        self._robot_speaking = False
        self._robot_ended_ms = at_ms

    def listen(self, at_ms: int, silence_ms: int) -> None:
        """The callee's turn: after `silence_ms` without speech from `at_ms` on it is `TooQuiet`."""
        self._wait_from_ms, self._wait_ms = at_ms, silence_ms

    def stop_listening(self) -> None:
        """The script moved on; silence no longer counts."""
        self._wait_from_ms = None

    @property
    def text(self) -> str:
        """The turn so far, as recognised."""
        return "".join(final.text for final in self._finals) + self._partial

    @property
    def speaking(self) -> bool:
        """Whether the callee is in a turn: speaks, or paused for less than ends it."""
        return self._turn_began_ms is not None

    # -- what the line does

    def feed(self, event: Sensed) -> list[Decision]:
        """Take one event, give what follows from it."""
        match event:
            case SpeechBegan(at_ms):
                self._speaking = True
                if self._turn_began_ms is None:
                    self._turn_began_ms = at_ms
                    self._began_over_robot = self._robot_speaking
                return []
            case SpeechEnded(at_ms):
                self._speaking = False
                self._speech_ended_ms = at_ms
                return []
            case HeardPartial(at_ms, text):
                self._partial = text
                self._words_without_activity(at_ms)
                return self._maybe_give_way(at_ms)
            case HeardFinal(at_ms, transcript, asked, _):
                if transcript.text:
                    self._finals.append(transcript)
                    self._words_without_activity(at_ms)
                self._partial = ""
                return self._close_turn() if asked else self._maybe_give_way(at_ms)
            case Tick(at_ms):
                return self._on_tick(at_ms)
            case EarLost():
                return self._close_unfinished()
            case _:
                return []

    def _close_unfinished(self) -> list[Decision]:
        """No final will come any more: the words heard so far are the turn (a "别再打了" may be among them)."""
        if self._partial:
            self._finals.append(Transcript(self._partial, final=True))  # nobody rated it
        decisions = self._close_turn()
        self._turn_began_ms = None
        return [d for d in decisions if not isinstance(d, TurnOver) or d.text != UNKNOWN_SPEECH]

    def _words_without_activity(self, at_ms: int) -> None:
        # Soft speech can reach the recogniser and stay under the activity floor; words are proof enough.
        if self._turn_began_ms is None and self.text:
            self._turn_began_ms = at_ms
            self._speech_ended_ms = at_ms
            self._began_over_robot = self._robot_speaking

    def _maybe_give_way(self, at_ms: int) -> list[Decision]:
        if not (self._robot_speaking and self._interruptible) or self._turn_began_ms is None:
            return []
        words = self.text.replace(UNKNOWN_SPEECH, "")
        if not words or self._is_backchannel(words):
            return []
        if at_ms - self._turn_began_ms < self._timing.barge_in_ms:
            return []
        return [GiveWay()]

    def _on_tick(self, at_ms: int) -> list[Decision]:
        if self._turn_began_ms is None:
            if self._wait_from_ms is not None and at_ms - self._wait_from_ms >= self._wait_ms:
                self._wait_from_ms = None
                return [TooQuiet()]
            return []
        decisions = self._maybe_give_way(at_ms)
        if self._asked:
            return decisions
        limit = self._timing.end_silence_ms if self.text else self._timing.end_silence_empty_ms
        over = not self._speaking and at_ms - self._speech_ended_ms >= limit
        if over or at_ms - self._turn_began_ms >= self._timing.longest_turn_ms:
            self._asked = True
            decisions.append(AskFinal())
        return decisions

    def _close_turn(self) -> list[Decision]:
        began, ended = self._turn_began_ms, max(self._speech_ended_ms, self._turn_began_ms or 0)
        finals, self._finals = self._finals, []
        text = "".join(final.text for final in finals)
        confidence = confidence_of(finals)
        over_robot = self._began_over_robot
        self._partial, self._asked = "", False
        # A callee who is speaking again already has begun the next turn.
        self._turn_began_ms = self._speech_ended_ms if self._speaking else None
        self._began_over_robot = self._robot_speaking
        if began is None:
            return []
        words = text.replace(UNKNOWN_SPEECH, "")
        if not words:
            if ended - began < self._timing.least_speech_ms or over_robot:
                return []  # noise, or a sound over the robot's voice: nothing to answer
            return [TurnOver(UNKNOWN_SPEECH, began, ended, 0.0, UNKNOWN_SPEECH)]
        if over_robot and self._is_backchannel(words) and ended < self._robot_ended_ms - self._timing.least_speech_ms:
            return []
        if self._robot_speaking and self._is_backchannel(words):
            return []
        return [TurnOver(text, began, ended, confidence, written_of(finals))]
