"""The listener after the hang-up: a slow machine is waited for, a stuck one is not."""

from __future__ import annotations

import threading

from sip.line import Frame
from voicebot.asr.recognizer import Transcript
from voicebot.call.hearing import HeardFinal, Listener


class Tape:
    def write(self, rx: bytes, tx: bytes) -> None: ...


class Frames:
    """Frames that were already there when the line ended."""

    def __init__(self, count: int) -> None:
        self.left = count

    def get(self, timeout_s: float) -> list[Frame] | None:
        if not self.left:
            return None
        self.left -= 1
        return [FRAME]


FRAME = Frame(bytes(320), bytes(320), 0, False)


class Slow:
    """A recogniser that takes its time for every frame, and hears something at the very end."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.released = threading.Event()

    def accept(self, pcm: bytes) -> Transcript | None:
        self.released.wait(self.seconds)
        return None

    def finish(self) -> Transcript:
        return Transcript("别再打了", final=True)

    def close(self) -> None: ...


def listening(recognizer, frames, posted):
    listener = Listener(recognizer, Tape(), posted.append)
    listener.open_ears()
    listener.start(Frames(frames), "test")
    return listener


def test_a_slow_recogniser_is_waited_for_longer_than_a_stuck_one():
    posted = []
    listener = listening(Slow(0.02), 40, posted)
    assert listener.join(0.3)  # 0.8 s of work in all
    assert [event.transcript.text for event in posted if isinstance(event, HeardFinal)] == ["别再打了"]


def test_a_stuck_recogniser_is_given_up():
    posted = []
    stuck = Slow(60.0)
    listener = listening(stuck, 2, posted)
    assert not listener.join(0.1)
    stuck.released.set()
    assert listener.join(5.0)
