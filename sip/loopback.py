"""The telephone in memory: trunks of one process that call each other, with a clock that tests turn by hand.

    network = Network()
    robot = await network.open_trunk(TrunkOptions())
    phone = await network.open_trunk(TrunkOptions(user="phone", accept=True))
    line = await robot.dial(phone.uri)
    callee = await anext(phone.incoming())
    await callee.answer()
    network.tick(50)  # one second of audio in both directions, at once

Signalling takes no time, audio no coding and no delay: what one end speaks in a tick the other hears in the same tick.
It passes the same contract tests as the SIP engine. Everything belongs to one event loop's thread.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping

from sip.endings import cause_of
from sip.headers import check_headers
from sip.line import (
    FRAME_MS,
    NO_HEADERS,
    SILENCE,
    Answered,
    Cause,
    Dtmf,
    Ending,
    Held,
    Line,
    Ringing,
    SipFault,
    TransferRefused,
    TrunkOptions,
)
from sip.line_base import LineBase
from sip.uri import SipUri, parse_target

HOST = "loopback"
FIRST_PORT = 5060
_CATCH_UP = 50  # frames: after a pause of the whole process real time goes on from there, it does not race


class LoopbackLine(LineBase):
    """One end of a call in memory; see `sip.line.Line`. `hold` and `refer` are what only a far end's phone can do."""

    def __init__(self, trunk: LoopbackTrunk, remote: str, *, outgoing: bool) -> None:
        super().__init__(asyncio.get_running_loop(), remote, outgoing=outgoing)
        self.trunk = trunk
        self.peer: LoopbackLine | None = None
        self.media = False
        self.answered = False
        self.held = False  # this end does not listen and does not speak
        self.give_up_ms = float("inf")
        self.headers: Mapping[str, str] = NO_HEADERS  # of the INVITE: what was added to it

    async def ring(self, *, early_media: bool = False) -> None:
        """Incoming call only: 180, or 183 with sound."""
        peer = self._caller("ring")
        if peer is not None and not self.answered:
            self.media = peer.media = self.media or early_media
            peer.deliver(Ringing(183 if early_media else 180, early_media=self.media))

    async def answer(self) -> None:
        """Incoming call only: 200 OK."""
        peer = self._caller("answer")
        if peer is None or self.answered:
            return
        peer.give_up_ms = float("inf")
        for end in (peer, self):
            end.media = end.answered = True
            end.audio.open_gate()
            end.deliver(Answered())

    async def reject(self, code: int) -> None:
        """Incoming call only: end it with a SIP status of 400 to 699."""
        peer = self._caller("reject")
        if not 400 <= code <= 699:
            raise SipFault(f"{code} is no SIP status that rejects a call (400-699)", permanent=True)
        if peer is not None:
            self._end_both(Ending(cause_of(code), code), Ending(cause_of(code), code, by_far_end=True))

    def send_dtmf(self, digits: str) -> None:
        """Send keys 0-9 * # A-D; heard by the far end at once, where there is sound at all."""
        if not re.fullmatch(r"[0-9*#A-Da-d]{1,32}", digits):
            raise SipFault(f"not 1 to 32 keys of 0-9 * # A-D: {digits!r}", permanent=True)
        if self.peer is not None and self.media:
            for digit in digits.upper():
                self.peer.deliver(Dtmf(digit))

    async def hang_up(self) -> Ending:
        """End the call whatever its state; idempotent."""
        if self.ending is None:
            if self.answered:
                self._end_both(Ending(Cause.COMPLETED, 200), Ending(Cause.COMPLETED, 200, by_far_end=True))
            elif self.outgoing:
                self._end_both(Ending(Cause.CANCELLED, 487), Ending(Cause.CANCELLED, 487, by_far_end=True))
            else:
                await self.reject(603)
        return await self.wait_ended()

    async def hold(self, *, held: bool) -> None:
        """Put the far end on hold, or take it back: it hears silence and is not heard."""
        if self.peer is not None and self.answered and held != self.held:
            self.held = held
            self.peer.deliver(Held(held))

    async def refer(self, target: str) -> None:
        """Ask the far end to dial somebody else; it declines."""
        if self.peer is not None and self.answered:
            self.peer.deliver(TransferRefused(target))

    def tick(self, now_ms: int) -> None:
        """20 ms of this call: the ring timer, then audio both ways. Called for the dialling end."""
        peer = self.peer
        if now_ms >= self.give_up_ms:
            cause = Cause.NO_ANSWER if peer is not None else Cause.UNREACHABLE
            code = 487 if peer is not None else 0
            self._end_both(Ending(cause, code, "ring timer"), Ending(Cause.CANCELLED, 487, by_far_end=True))
        elif peer is not None and self.media:
            mine, theirs = self.audio.next_tx(), peer.audio.next_tx()
            silent = self.held or peer.held
            self.audio.put_rx(SILENCE if silent else theirs)
            peer.audio.put_rx(SILENCE if silent else mine)

    def _caller(self, action: str) -> LoopbackLine | None:
        if self.outgoing:
            raise SipFault(f"cannot {action} a call that we dialled", permanent=True)
        return self.peer if self.ending is None else None

    def _end_both(self, ours: Ending, theirs: Ending) -> None:
        peer, self.peer = self.peer, None
        self.deliver(ours)
        if peer is not None:
            peer.peer = None
            peer.deliver(theirs)


class LoopbackTrunk:
    """A trunk of a `Network`; see `sip.line.Trunk`."""

    def __init__(self, network: Network, options: TrunkOptions, port: int) -> None:
        self.channels = options.channels
        self.uri = f"sip:{options.user}@{HOST}:{port}"
        self.port = port
        self._network = network
        self._accept = options.accept
        self._lines: list[LoopbackLine] = []
        self._incoming: asyncio.Queue[LoopbackLine | None] = asyncio.Queue()
        self._closed = False

    async def dial(self, uri: str, *, ring_timeout_s: float = 45.0, headers: Mapping[str, str] = NO_HEADERS) -> Line:
        """Ring the trunk that has the URI's port; its user part may be anything, as for a real host."""
        target = SipUri.parse(parse_target(uri))
        check_headers(headers)
        if self._closed:
            raise SipFault("the trunk is closed", permanent=True)
        if not self.has_free_channel:
            raise SipFault(f"no channel is free: {self.channels} of {self.channels} are in use")
        line = LoopbackLine(self, str(target), outgoing=True)
        line.headers = dict(headers)
        line.give_up_ms = self._network.now_ms + ring_timeout_s * 1000
        self._lines.append(line)
        if target.host != HOST:
            line.deliver(Ending(Cause.UNREACHABLE, 0, f"no such host: {target.host}"))
            return line
        callee = self._network.trunk_at(target.port or FIRST_PORT)
        if callee is not None:
            callee.ring_from(line, self.uri)
        return line

    async def incoming(self) -> AsyncIterator[Line]:
        """Calls that ring here, until the trunk is closed."""
        while (line := await self._incoming.get()) is not None:
            yield line
        self._incoming.put_nowait(None)

    async def close(self) -> None:
        """Hang up all calls. Idempotent."""
        if self._closed:
            return
        self._closed = True
        for line in self._lines:
            await line.hang_up()
        self._network.forget(self)
        self._incoming.put_nowait(None)

    @property
    def has_free_channel(self) -> bool:
        """One more call fits."""
        self._lines = [line for line in self._lines if line.ending is None]
        return len(self._lines) < self.channels

    def ring_from(self, caller: LoopbackLine, caller_uri: str) -> None:
        """An INVITE from another trunk."""
        if not self._accept:
            caller.deliver(Ending(Cause.REJECTED, 403, by_far_end=True))
        elif not self.has_free_channel:
            caller.deliver(Ending(Cause.BUSY, 486, by_far_end=True))
        else:
            line = LoopbackLine(self, caller_uri, outgoing=False)
            line.peer, caller.peer = caller, line
            line.headers = caller.headers
            self._lines.append(line)
            self._incoming.put_nowait(line)

    def tick(self, now_ms: int) -> None:
        """20 ms of all calls that were dialled here."""
        for line in self._lines:
            if line.outgoing and line.ending is None:
                line.tick(now_ms)


class Network:
    """Trunks that reach each other, and the clock they share."""

    def __init__(self) -> None:
        self.now_ms = 0
        self._trunks: dict[int, LoopbackTrunk] = {}

    async def open_trunk(self, options: TrunkOptions) -> LoopbackTrunk:
        """A trunk on `options.port` (0: the next free one); raises `SipFault(permanent=True)` for a port in use."""
        port = options.port or max(self._trunks, default=FIRST_PORT - 1) + 1
        if port in self._trunks:
            raise SipFault(f"port {port} of the loopback is in use", permanent=True)
        trunk = self._trunks[port] = LoopbackTrunk(self, options, port)
        return trunk

    def tick(self, frames: int = 1) -> None:
        """Let `frames` times 20 ms pass at once, for all calls."""
        for _ in range(frames):
            self.now_ms += FRAME_MS
            for trunk in tuple(self._trunks.values()):
                trunk.tick(self.now_ms)

    async def advance(self, frames: int) -> None:
        """Let time pass frame by frame, with a turn of the event loop after each, so that tasks can react."""
        for _ in range(frames):
            self.tick()
            await asyncio.sleep(0)

    async def run(self) -> None:
        """Let time pass as the wall clock does, until cancelled."""
        loop = asyncio.get_running_loop()
        last = loop.time()
        while True:
            await asyncio.sleep(FRAME_MS / 4000)
            due = int((loop.time() - last) * 1000 / FRAME_MS)
            last += due * FRAME_MS / 1000
            self.tick(min(due, _CATCH_UP))

    def trunk_at(self, port: int) -> LoopbackTrunk | None:
        """Who listens on this port."""
        return self._trunks.get(port)

    def forget(self, trunk: LoopbackTrunk) -> None:
        """A trunk was closed: its port is free again."""
        self._trunks.pop(trunk.port, None)
