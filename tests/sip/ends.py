"""Two ends of the telephone, in memory or over real SIP, and the time between them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from typing import Any, TypeVar

from sip.line import Ending, Frame, Line, LineEvent, Trunk, TrunkOptions
from sip.loopback import Network
from sip.pjsua import open_trunk

T = TypeVar("T")
PATIENCE_S = 15.0  # of the line's own time; a bound for tests that fail, not an expectation


class Ends:
    """A caller's and a callee's trunk and the time between them.

    Over real SIP both ends are one endpoint that calls itself, through its UDP socket and RTP like any other: pjsua2
    allows one endpoint a process, and a peer in a second process could be steered and asked only by a protocol that
    would itself need tests. Two processes, and four calls at once, are in test_pjsua.py and test_interop.py.
    """

    def __init__(self, network: Network | None) -> None:
        self.network = network
        self.trunks: list[Trunk] = []

    async def open(self, channels: int = 4, *, accept: bool = True) -> tuple[Trunk, Trunk]:
        """`channels` counts both ends' lines over SIP, each end's in memory."""
        if self.network is None:
            self.trunks.append(await open_trunk(TrunkOptions(channels=channels, accept=accept)))
            return self.trunks[-1], self.trunks[-1]
        for options in (
            TrunkOptions(channels=channels),
            TrunkOptions(user="callee", channels=channels, accept=accept),
        ):
            self.trunks.append(await self.network.open_trunk(options))
        return self.trunks[-2], self.trunks[-1]

    async def call(self, caller: Trunk, callee: Trunk, **options: Any) -> tuple[Line, Line]:
        """Dial; both lines before anybody rang or answered."""
        line = await caller.dial(callee.uri, **options)
        return line, await self.within(anext(callee.incoming()))

    async def talk(self, caller: Trunk, callee: Trunk) -> tuple[Line, Line]:
        """An answered call."""
        line, far = await self.call(caller, callee)
        await far.answer()
        for end in (line, far):
            await self.until(end, "Answered")
        return line, far

    async def pass_ms(self, ms: int) -> None:
        """Let so much of the line's time pass."""
        if self.network is None:
            await asyncio.sleep(ms / 1000)
        else:
            await self.network.advance(ms // 20)

    def now_ms(self) -> float:
        """The line's own time, which a busy machine may let run on for longer than was asked."""
        return time.monotonic() * 1000 if self.network is None else self.network.now_ms

    async def within(self, what: Awaitable[T]) -> T:
        """The result of something that must happen within `PATIENCE_S`."""
        task = asyncio.ensure_future(what)
        waited = 0
        while not task.done():
            assert waited < PATIENCE_S * 1000, "nothing happened"
            await self.pass_ms(20)
            waited += 20
        return task.result()

    async def until(self, line: Line, kind: str) -> LineEvent:
        """The next event of this class name; what comes before it is passed over."""
        async for event in line.events():  # what is left in the queue stays there
            if type(event).__name__ == kind:
                return event
        raise AssertionError(f"the line ended without {kind}")

    async def ending(self, line: Line) -> Ending:
        event = await self.within(self.until(line, "Ending"))
        assert isinstance(event, Ending)
        return event

    async def close(self) -> None:
        for trunk in self.trunks:
            await trunk.close()


def frames_of(line: Line) -> list[Frame]:
    """What waits to be read."""
    return list(line.frames.get(0) or ())
