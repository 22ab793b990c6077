"""One call of the simulated callee: it rings, answers or not, listens and speaks, through any engine's `Line`."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from sip.line import FRAME_BYTES, FRAME_MS, Answered, Dtmf, Ending, Frame, Line
from voicebot.softphone.persona import Persona
from voicebot.softphone.replies import Action, HangUp, Press, Replies, RobotTurn, Say
from voicebot.softphone.sounds import Sounds, mix

Tell = Callable[..., None]
"""`tell(event, **facts)`: what happens, for whoever watches."""

_NOISE_AHEAD = 10  # frames: 200 ms, the longest that a line waits behind noise already queued
_TAPE_FRAMES = 30 * 60 * 1000 // FRAME_MS  # half an hour is kept


class Call:
    """One incoming call, played from ringing to its end by `run`. `tape`: what was heard and said, frame by frame."""

    def __init__(self, line: Line, persona: Persona, sounds: Sounds, tell: Tell) -> None:
        self._line = line
        self._persona = persona
        self._sounds = sounds
        self._tell = tell
        self._replies = Replies(persona)
        self._loop = asyncio.get_running_loop()
        self._answered = threading.Event()
        self._own: set[int] = set()  # numbers of the utterances that are the persona's lines, not noise
        self._noise_at = 0
        self._queued = 0  # frames given to the line and not yet sent
        self._at_ms = 0
        self._tasks: set[asyncio.Task[Any]] = set()
        self.tape: list[Frame] = []

    async def run(self) -> Ending:
        """Play the call. Raises `SipFault` when the telephone itself fails."""
        listener = threading.Thread(target=self._listen, name=f"phone-{self._line.id[:8]}", daemon=True)
        listener.start()
        greeting = asyncio.create_task(self._greet())
        ending: Ending | None = None
        try:
            async for event in self._line.events():
                match event:
                    case Answered():
                        self._tell("answered")
                        self._answered.set()
                    case Dtmf(digit):
                        self._tell("key_heard", at_ms=self._at_ms, key=digit)
                    case Ending():
                        ending = event
        finally:
            greeting.cancel()
            results = await asyncio.gather(greeting, *self._tasks, return_exceptions=True)
            if ending is None:
                await self._line.hang_up()
            await asyncio.to_thread(listener.join, 5.0)
        for result in results:
            if isinstance(result, Exception):
                raise result
        assert ending is not None  # noqa: S101 - a line's last event is always one
        return ending

    async def _greet(self) -> None:
        """Everything up to the answer."""
        answer = self._persona.answer
        early = self._sounds.early
        if not answer.at_once:
            await self._line.ring(early_media=bool(early))
            self._tell("ringing", early_media=bool(early))
        if early:
            self._line.play(early)
            await asyncio.sleep(len(early) / FRAME_BYTES * FRAME_MS / 1000)
        if answer.never:
            return
        await asyncio.sleep(answer.ring_ms / 1000)
        if answer.reject is not None:
            self._tell("rejects", code=answer.reject)
            await self._line.reject(answer.reject)
        else:
            await self._line.answer()

    def _listen(self) -> None:
        while (batch := self._line.frames.get(0.5)) is not None:
            actions: list[Action] = []
            for frame in batch:
                if not self._answered.is_set():
                    continue
                if len(self.tape) < _TAPE_FRAMES:
                    self.tape.append(frame)
                own = frame.utterance in self._own
                actions += self._replies.feed(frame.rx, own_ended=own and frame.last)
            sent = sum(1 for frame in batch if frame.utterance)
            self._loop.call_soon_threadsafe(self._follow, len(batch), sent, actions)

    def _follow(self, frames: int, sent: int, actions: list[Action]) -> None:
        if not self._answered.is_set():
            return
        self._at_ms += frames * FRAME_MS
        self._queued = max(0, self._queued - sent)
        for action in actions:
            self._do(action)
        if self._sounds.noise and self._queued < _NOISE_AHEAD:
            self._play(self._noise((_NOISE_AHEAD - self._queued) * FRAME_BYTES))

    def _do(self, action: Action) -> None:
        match action:
            case Say(number):
                pcm = self._sounds.lines[number]
                self._tell("says", at_ms=self._at_ms, text=self._persona.lines[number])
                self._own.add(self._play(mix(pcm, self._noise(len(pcm))) if self._sounds.noise else pcm))
            case Press(keys):
                self._tell("presses", at_ms=self._at_ms, keys=keys)
                self._line.send_dtmf(keys)
            case HangUp():
                self._tell("hangs_up", at_ms=self._at_ms)
                task = asyncio.create_task(self._line.hang_up())
                self._tasks.add(task)
            case RobotTurn(began_ms, ended_ms):
                self._tell("robot_turn", start_ms=began_ms, end_ms=ended_ms)

    def _play(self, pcm: bytes) -> int:
        self._queued += -(-len(pcm) // FRAME_BYTES)
        return self._line.play(pcm)

    def _noise(self, size: int) -> bytes:
        loop = self._sounds.noise
        start = self._noise_at
        self._noise_at = (start + size) % len(loop)
        repeated = loop * (2 + size // len(loop))
        return repeated[start : start + size]


def stereo(tape: list[Frame]) -> bytes:
    """A call's tape as s16le 8000 Hz in two channels: left what was heard, right what was said."""
    heard = np.frombuffer(b"".join(frame.rx for frame in tape), "<i2")
    said = np.frombuffer(b"".join(frame.tx for frame in tape), "<i2")
    return np.stack([heard, said], axis=1).tobytes()
