"""One line's audio clock: what waits to be spoken, what was heard, and the bounded way to the listener thread.

The engine's media clock calls `LineAudio.next_tx` and then `LineAudio.put_rx` once in every 20 ms. The work of both is
one append: no locks, no logs, no I/O, because a late media thread is heard as a click by every caller.
"""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Sequence
from time import monotonic
from typing import NamedTuple

from sip.line import FRAME_BYTES, FRAME_MS, SILENCE, Frame, SipFault

QUEUED_FRAMES = 500  # 10 s towards the listener
WAITING_FRAMES = 120 * 1000 // FRAME_MS  # 120 s towards the far end


class BoundedFrames:
    """The `FrameQueue` of every engine: one writer (the media clock), one reader (a listener thread).

    Holds 500 frames (10 s); when the reader is slower the oldest go and `dropped` counts them. `SimpleQueue` is used
    because its `put` is one call into C that wakes the reader without a Python-level lock.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._queue: queue.SimpleQueue[Frame | None] = queue.SimpleQueue()
        self._closed = False
        self._read_to_end = False

    def put(self, frame: Frame) -> None:
        """Append one frame; media clock only. Ignored once closed."""
        if self._closed:
            return
        if self._queue.qsize() >= QUEUED_FRAMES:
            try:
                self._queue.get_nowait()
            except queue.Empty:  # the reader was faster
                pass
            else:
                self.dropped += 1
        self._queue.put(frame)

    def close(self) -> None:
        """No more frames will come. Any thread; idempotent."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)

    def get(self, timeout_s: float) -> Sequence[Frame] | None:
        """All frames that wait, at least one, after at most `timeout_s`; empty on time-out; None after the end."""
        if self._read_to_end:
            return None
        frames: list[Frame] = []
        deadline = monotonic() + timeout_s
        try:
            frame = self._queue.get(timeout=max(0.0, deadline - monotonic()))
            while frame is not None:
                frames.append(frame)
                frame = self._queue.get_nowait()
        except queue.Empty:
            return frames
        self._read_to_end = True
        return frames or None


class _Spoken(NamedTuple):
    """20 ms that wait to be spoken; fields as in `Frame`."""

    pcm: bytes
    utterance: int
    last: bool


_NOTHING = _Spoken(SILENCE, 0, False)


class LineAudio:
    """Pairs what is spoken with what is heard and hands both to the listener as gapless 20 ms frames.

    `gated`: nothing queued leaves until `open_gate` (an outgoing call before its answer, where no one would hear it).
    `play` and `clear` belong to the event loop's thread, `next_tx` and `put_rx` to the media clock.
    """

    def __init__(self, *, gated: bool) -> None:
        self.frames = BoundedFrames()
        self._waiting: deque[_Spoken] = deque()
        self._sent: _Spoken | None = None  # went out in this tick and waits for what was heard meanwhile
        self._open = not gated
        self._closed = False
        self._utterance = 0

    def open_gate(self) -> None:
        """The call was answered: what is queued goes out from the next tick on."""
        self._open = True

    def play(self, pcm: bytes) -> int:
        """Queue s16le 8000 Hz mono, padded to whole frames (nothing at all counts as one frame of silence, so that
        every utterance has a last frame). Gives its number; raises `SipFault` when over 120 s would wait.
        """
        frames = max(1, -(-len(pcm) // FRAME_BYTES))
        if not self._closed and len(self._waiting) + frames > WAITING_FRAMES:
            raise SipFault(f"over {WAITING_FRAMES * FRAME_MS // 1000} s of speech would wait on this line")
        self._utterance += 1
        if self._closed:
            return self._utterance
        padded = pcm.ljust(frames * FRAME_BYTES, b"\0")
        number, final = self._utterance, frames - 1
        self._waiting.extend(
            _Spoken(padded[i * FRAME_BYTES : (i + 1) * FRAME_BYTES], number, i == final) for i in range(frames)
        )
        return number

    def clear(self) -> None:
        """Drop what waits; the next tick is silence."""
        self._waiting.clear()

    def next_tx(self) -> bytes:
        """A tick begins: the 320 bytes to send now. A tick before in which nothing was heard is closed with silence."""
        sent = self._sent
        if sent is not None:
            self.frames.put(Frame(SILENCE, *sent))
        try:
            spoken = self._waiting.popleft() if self._open else _NOTHING
        except IndexError:
            spoken = _NOTHING
        self._sent = spoken
        return spoken.pcm

    def put_rx(self, pcm: bytes) -> None:
        """The tick ends: the 320 bytes heard in it. Without a tick begun (media just connected) they are dropped."""
        sent = self._sent
        if sent is not None:
            self._sent = None
            self.frames.put(Frame(pcm, *sent))

    def close(self) -> None:
        """The line ended. Idempotent."""
        self._closed = True
        self._waiting.clear()
        self.frames.close()
