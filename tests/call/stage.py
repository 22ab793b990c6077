"""A call on a stage: the real session, script and understander over the loopback, in virtual time.

The callee's words are tone bursts that a scripted ear takes for its next line: everything but the sound of speech is
the real thing, and no test waits for a clock.
"""

from __future__ import annotations

import asyncio
import math
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sip.line import Line, TrunkOptions
from sip.loopback import LoopbackLine, Network
from tts.scripted import ScriptedVoice
from tts.voice import Style, Voice
from voicebot import events
from voicebot.asr.recognizer import Ear
from voicebot.asr.scripted import ScriptedEar
from voicebot.call.session import Engines, Order, Outcome, Session
from voicebot.call.speaking import Speaker
from voicebot.flow.loading import find, load
from voicebot.flow.sample import sample_slots
from voicebot.nlu import lexicon
from voicebot.store.recording import Recording

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
UNDERSTANDER = lexicon.load()


def burst(ms: int, *, amplitude: int = 9000) -> bytes:
    """Something that WebRTC's detector takes for a voice: 180 Hz with harmonics, s16le at 8000 Hz."""
    n = 8 * ms
    wave = (sum(math.sin(2 * math.pi * 180 * k * i / 8000) / k for k in range(1, 12)) for i in range(n))
    return array("h", (int(amplitude * 0.5 * x) for x in wave)).tobytes()


@dataclass
class Stage:
    """One staged call: drive it with `until`, `say`, `press`, `hang_up`; read `events` and `outcome`."""

    network: Network
    session: Session
    callee: LoopbackLine
    running: asyncio.Task[Outcome]
    tape: Recording
    events: list[events.Event]
    heard_ms: int = 0

    async def pass_ms(self, ms: int) -> None:
        """Let the audio clock go on; the listener and the session keep up with every frame."""
        for _ in range(ms // 20):
            self.network.tick()
            self.heard_ms += 20 if self.callee.media else 0
            await self._keep_up()
            if self.running.done():
                return

    async def _keep_up(self) -> None:
        for _ in range(5000):
            await asyncio.sleep(0)
            listener = self.session._listener
            caught_up = listener is None or listener.now_ms >= self.heard_ms
            if self.running.done() or (caught_up and self.session._inbox.empty()):
                break
            await asyncio.sleep(0.0002)
        for _ in range(5):
            await asyncio.sleep(0)

    async def until(self, happened: Callable[[], bool], *, limit_ms: int = 90_000) -> None:
        """Let time pass until something is so."""
        passed = 0
        while not happened():
            assert passed < limit_ms, f"never happened; so far: {self.events}"
            assert not self.running.done(), f"the call was over: {self.events}"
            await self.pass_ms(20)
            passed += 20

    def said(self, prompt: str, *, complete: bool = True) -> bool:
        """Whether this prompt was played."""
        return any(isinstance(e, events.Said) and e.prompt == prompt and e.complete is complete for e in self.events)

    @property
    def turns(self) -> list[str]:
        """The callee's turns as they were heard."""
        return [e.text for e in self.events if isinstance(e, events.Heard)]

    async def robot_finished(self) -> None:
        """Until the robot listens."""
        await self.pass_ms(200)
        await self.until(lambda: not self.session._queue and self.session._listen is not None)

    async def say(self, ms: int = 1000) -> None:
        """The callee speaks for `ms` and is quiet for 1.4 s: its turn."""
        self.callee.play(burst(ms))
        await self.pass_ms(ms + 1400)

    async def over(self) -> Outcome:
        """The call's outcome, once the line is gone."""
        await self.until_over()
        return self.running.result()

    async def until_over(self, limit_ms: int = 90_000) -> None:
        """Let time pass until the call is over."""
        passed = 0
        while not self.running.done():
            assert passed < limit_ms, f"the call never ended: {self.events}"
            await self.pass_ms(100)
            passed += 100
        self.tape.finish()


async def raise_curtain(
    folder: Path,
    lines: Sequence[str],
    *,
    answer: bool = True,
    voice: Voice | None = None,
    ear: Ear | None = None,
    ring_timeout_s: float = 45,
    script: str | Path = "margin_call",
) -> Stage:
    """A call that has been dialled, and answered unless told otherwise; `lines`: what the ear will hear, in order."""
    network = Network()
    robot = await network.open_trunk(TrunkOptions())
    phone = await network.open_trunk(TrunkOptions(user="phone", accept=True))
    spoken = voice or ScriptedVoice()
    engines = Engines(robot, ear or ScriptedEar(lines), UNDERSTANDER, lambda flow: Speaker(spoken, Style(), flow))
    tape = Recording(folder, "call1", date(2026, 11, 23))
    noted: list[events.Event] = []
    order = Order("call1", "margin_call", phone.uri, sample_slots(find(script), NOW), ring_timeout_s)
    session = Session(order, load(script), engines, tape, noted.append, NOW)
    running = asyncio.create_task(session.run())
    callee: Line = await asyncio.wait_for(anext(phone.incoming()), 5)
    assert isinstance(callee, LoopbackLine)
    stage = Stage(network, session, callee, running, tape, noted)
    if answer:
        await callee.answer()
    for _ in range(50):
        await asyncio.sleep(0)
    return stage


async def run_without_a_callee(folder: Path, *, cancelled: bool = False, **order: Any) -> tuple[Outcome, list[str]]:
    """A call that is not to be dialled: its outcome and the kinds of its events. A phone that rings fails the test."""
    network = Network()
    robot = await network.open_trunk(TrunkOptions())
    phone = await network.open_trunk(TrunkOptions(user="phone", accept=True))
    engines = Engines(robot, ScriptedEar([]), UNDERSTANDER, lambda flow: Speaker(ScriptedVoice(), Style(), flow))
    noted: list[events.Event] = []
    given = Order("call1", "margin_call", phone.uri, sample_slots(find("margin_call"), NOW), **order)
    tape = Recording(folder, "call1", date(2026, 11, 23))
    session = Session(given, load("margin_call"), engines, tape, noted.append, NOW)
    if cancelled:
        await session.cancel()
    incoming = asyncio.ensure_future(anext(phone.incoming()))
    outcome = await asyncio.wait_for(session.run(), 30)
    assert not incoming.done()
    incoming.cancel()
    await asyncio.gather(incoming, return_exceptions=True)
    tape.finish()
    return outcome, [event.kind for event in noted]
