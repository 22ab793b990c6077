"""What a line is on the event loop's side, the same for every engine: its events, its speech, its one ending."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator

from sip.frames import LineAudio
from sip.line import Ending, FrameQueue, LineEvent
from sip.uri import user_of

_MAX_EVENTS = 1000  # a far end that floods keys; the newest are lost, the Ending never


class LineBase:
    """Events and audio of one line. Engines derive from it and add the signalling.

    `called`: the URI that the caller dialled; `outgoing`: what is queued by `play` waits for the answer. Belongs to the
    thread of `loop`, though it may be made in another.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, remote: str, called: str, *, outgoing: bool) -> None:
        self.id = uuid.uuid4().hex
        self.remote = remote
        self.called = user_of(called)
        self.outgoing = outgoing
        self.audio = LineAudio(gated=outgoing)
        self.frames: FrameQueue = self.audio.frames
        self._events: asyncio.Queue[LineEvent] = asyncio.Queue()
        self._ended: asyncio.Future[Ending] = loop.create_future()

    async def events(self) -> AsyncIterator[LineEvent]:
        """What happens, in order, up to and including the `Ending`. Asked again afterwards it is the `Ending` alone."""
        while True:
            event = await self._events.get()
            if isinstance(event, Ending):
                self._events.put_nowait(event)  # for whoever else listens or listens later
                yield event
                return
            yield event

    def play(self, pcm: bytes) -> int:
        """See `sip.line.Line.play`."""
        return self.audio.play(pcm)

    def clear(self) -> None:
        """See `sip.line.Line.clear`."""
        self.audio.clear()

    @property
    def ending(self) -> Ending | None:
        """How the line ended, None while it lives."""
        return self._ended.result() if self._ended.done() else None

    async def wait_ended(self) -> Ending:
        """Wait for the line's `Ending` without doing anything towards it."""
        return await asyncio.shield(self._ended)

    def deliver(self, event: LineEvent) -> None:
        """Engines only, on the event loop's thread: what happened. Nothing follows an `Ending`."""
        if self._ended.done():
            return
        if isinstance(event, Ending):
            self.audio.close()
            self._ended.set_result(event)
        elif self._events.qsize() >= _MAX_EVENTS:
            return
        self._events.put_nowait(event)
