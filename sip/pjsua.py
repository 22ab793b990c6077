"""The telephone over real SIP: pjsua2 (PJSIP 2.15) as a `Trunk`.

One endpoint a process, at most four calls; see `sip.pjsua_thread` for the thread that owns it.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import re
from collections import deque
from collections.abc import AsyncIterator, Mapping
from typing import Any

from sip.headers import check_headers
from sip.line import NO_HEADERS, Cause, Ending, Line, SipFault, Trunk, TrunkOptions
from sip.line_base import LineBase
from sip.pjsua_endpoint import SLOTS
from sip.pjsua_thread import SipThread
from sip.uri import SipUri, parse_target

CLOSE_TIMEOUT_S = 3.0
RESOLVE_TIMEOUT_S = 5.0
# The engine's socket table has 64 places, two a call, each held 0.5 s beyond the call's end. The process aborts when
# they run out (seen when a loop dialled, answered and hung up without a pause).
DIALS_PER_S = 10
MAX_DTMF = 32  # pjmedia's own queue of keys


class PjsuaLine(LineBase):
    """One SIP call; see `sip.line.Line`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, thread: SipThread, remote: str, *, outgoing: bool) -> None:
        super().__init__(loop, remote, outgoing=outgoing)
        self._thread = thread

    async def ring(self, *, early_media: bool = False) -> None:
        """Incoming call only: 180, or 183 with SDP."""
        self._incoming_only("ring")
        self._act(functools.partial(self._thread.ring, early_media=early_media))

    async def answer(self) -> None:
        """Incoming call only: 200 OK."""
        self._incoming_only("answer")
        self._act(self._thread.answer)

    async def reject(self, code: int) -> None:
        """Incoming call only: end it with a SIP status of 400 to 699; returns once it ended."""
        self._incoming_only("reject")
        if not 400 <= code <= 699:
            raise SipFault(f"{code} is no SIP status that rejects a call (400-699)", permanent=True)
        self._act(functools.partial(self._thread.reject, code=code))
        await self.wait_ended()

    def send_dtmf(self, digits: str) -> None:
        """Send keys 0-9 * # A-D by RFC 4733, 32 at most; a far end that did not offer telephone events gets none."""
        if not re.fullmatch(rf"[0-9*#A-Da-d]{{1,{MAX_DTMF}}}", digits):
            raise SipFault(f"not 1 to {MAX_DTMF} keys of 0-9 * # A-D: {digits!r}", permanent=True)
        self._act(functools.partial(self._thread.send_dtmf, digits=digits.upper()))

    async def hang_up(self) -> Ending:
        """End the call whatever its state and wait for its `Ending`; idempotent."""
        self._act(self._thread.hang_up)
        return await self.wait_ended()

    def _act(self, action: Any) -> None:
        if self.ending is None:
            self._thread.post(functools.partial(self._thread.act, self.id, action))

    def _incoming_only(self, action: str) -> None:
        if self.outgoing:
            raise SipFault(f"cannot {action} a call that we dialled", permanent=True)


class PjsuaTrunk:
    """The process's SIP endpoint; see `sip.line.Trunk`. Open it with `open_trunk`."""

    def __init__(self, options: TrunkOptions) -> None:
        self.channels = options.channels
        self.uri = ""
        self._options = options
        self._incoming: asyncio.Queue[PjsuaLine | None] = asyncio.Queue()
        self._lines: dict[str, LineBase] = {}
        self._dialling: set[asyncio.Future[SipFault | None]] = set()
        self._dialled: deque[float] = deque(maxlen=DIALS_PER_S)
        self._closing: asyncio.Task[None] | None = None
        self._dead = False
        self._loop = asyncio.get_running_loop()
        self._thread = SipThread(options, self._make_line, self._accept, self._on_death)

    async def start(self) -> None:
        """Open the endpoint and register; raises `SipFault`."""
        await self._thread.start()
        self.uri = self._thread.uri

    async def dial(self, uri: str, *, ring_timeout_s: float = 45.0, headers: Mapping[str, str] = NO_HEADERS) -> Line:
        """See `sip.line.Trunk.dial`. The host is resolved beside the SIP thread first, so that a slow name server holds
        up no other call; a name nobody knows is a line that ended at once as `unreachable`.
        """
        target = SipUri.parse(parse_target(uri))
        check_headers(headers)
        if self._dead or self._closing is not None:
            raise SipFault("the trunk is closed", permanent=True)
        line = PjsuaLine(self._loop, self._thread, str(target), outgoing=True)
        if not self._options.proxy and not await self._resolves(target):
            line.deliver(Ending(Cause.UNREACHABLE, 0, f"no such host: {target.host}"))
            return line
        await self._pace()
        sent: asyncio.Future[SipFault | None] = self._loop.create_future()
        self._keep(line)
        self._dialling.add(sent)
        self._thread.post(functools.partial(self._dial, line, ring_timeout_s, dict(headers), sent))
        try:
            fault = await sent
        finally:
            self._dialling.discard(sent)
        if fault is not None:
            self._lines.pop(line.id, None)
            raise fault
        return line

    async def incoming(self) -> AsyncIterator[Line]:
        """Calls that ring here, until the trunk is closed."""
        while (line := await self._incoming.get()) is not None:
            yield line
        self._incoming.put_nowait(None)

    async def close(self) -> None:
        """Hang up all calls, wait for their endings (3 s at most), free the engine. Idempotent."""
        if self._closing is None:
            self._closing = asyncio.ensure_future(self._thread.stop(CLOSE_TIMEOUT_S))
        await asyncio.shield(self._closing)
        self._on_death()

    async def _pace(self) -> None:
        """Wait until fewer than `DIALS_PER_S` calls were dialled within any second."""
        while (  # noqa: ASYNC110  # time is what is waited for
            len(self._dialled) == DIALS_PER_S and (wait := self._dialled[0] + 1 - self._loop.time()) > 0
        ):
            await asyncio.sleep(wait)
        self._dialled.append(self._loop.time())
        if self._dead or self._closing is not None:
            raise SipFault("the trunk is closed", permanent=True)

    async def _resolves(self, target: SipUri) -> bool:
        if target.is_address:
            return True
        lookup = self._loop.getaddrinfo(target.host, target.port or 5060)
        try:
            return bool(await asyncio.wait_for(lookup, RESOLVE_TIMEOUT_S))
        except (OSError, UnicodeError, TimeoutError):
            return False

    def _keep(self, line: LineBase) -> None:
        self._lines = {key: known for key, known in self._lines.items() if known.ending is None}
        self._lines[line.id] = line

    def _accept(self, line: LineBase) -> None:
        assert isinstance(line, PjsuaLine)  # noqa: S101  # for the type checker
        self._keep(line)
        self._incoming.put_nowait(line)

    def _on_death(self) -> None:
        """The SIP thread is gone, asked for or not: nobody may wait for it any longer."""
        if self._dead:
            return
        self._dead = True
        for line in self._lines.values():
            line.deliver(Ending(Cause.FAULT, 0, "the SIP engine stopped"))
        self._lines.clear()
        for sent in self._dialling:
            _settle(sent, SipFault("the SIP engine stopped"))
        self._incoming.put_nowait(None)

    # --- on the SIP thread ---

    def _make_line(self, remote: str) -> PjsuaLine:
        return PjsuaLine(self._loop, self._thread, remote, outgoing=False)

    def _dial(
        self,
        line: PjsuaLine,
        ring_timeout_s: float,
        headers: Mapping[str, str],
        sent: asyncio.Future[SipFault | None],
    ) -> None:
        fault = self._thread.dial(line, ring_timeout_s, headers)
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
            self._loop.call_soon_threadsafe(_settle, sent, fault)


def _settle(sent: asyncio.Future[SipFault | None], fault: SipFault | None) -> None:
    if not sent.done():
        sent.set_result(fault)


async def open_trunk(options: TrunkOptions) -> Trunk:
    """Open this process's SIP endpoint (and register it, where `registrar` is set).

    Raises `SipFault`: permanent for a port in use, an unknown codec, refused credentials, more than four channels or a
    second endpoint in one process.
    """
    if not 1 <= options.channels <= SLOTS:
        raise SipFault(f"{options.channels} channels: one process has 1 to {SLOTS}; start more workers", permanent=True)
    trunk = PjsuaTrunk(options)
    await trunk.start()
    return trunk
