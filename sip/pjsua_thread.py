"""The SIP thread: the only thread that creates, uses and frees pjsua2 objects.

It runs `libHandleEvents` and drains a queue of commands; towards asyncio it speaks by `call_soon_threadsafe` only. The
event loop's side (`sip.pjsua`) holds no pjsua2 object. Rules of lifetime, each of which crashed a process when broken:

- an API call from any other thread aborts the process;
- a `Call` freed after its slot was reused hangs up the new call: it is dropped right after `libHandleEvents` and before
  the next dial, or disowned when somebody still holds it;
- ports are permanent (`sip.ports`);
- nothing of pjsua2 may be alive after `libDestroy`: hang up, pump until no call is left, free calls and account, stop
  the media clock, free the ports, destroy;
- what a pjsua2 object contains does not keep that object alive: `self.getInfo().media` reads freed memory.

What it works with has modules of its own, under the same rules: `sip.pjsua_endpoint` (configuration, transport,
codecs), `sip.pjsua_account` (registration), `sip.pjsua_call` (one call's state and callbacks), `sip.ports` (media).
"""

from __future__ import annotations

import asyncio
import functools
import logging
import queue
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any

import pjsua2 as pj

from sip.endings import cause_of
from sip.line import Cause, Ending, LineEvent, Ringing, SipFault, TrunkOptions
from sip.line_base import LineBase
from sip.pjsua_account import SipAccount, account_config
from sip.pjsua_call import SipCall, drop, logged, with_status
from sip.pjsua_endpoint import SLOTS, choose_codecs, endpoint_config, open_transport, silence_library
from sip.ports import MediaPort, frame_copy

log = logging.getLogger(__name__)

POLL_MS = 5
REGISTER_TIMEOUT_S = 10.0
SWITCH_INTERVAL_S = 0.0005  # at the default 5 ms a busy Python thread cost a third of the frames (measured)

# pj/errno.h and pjsip/sip_errno.h; the wheel does not export them.
PJ_ETOOMANY = 70010
PJ_ERESOLVE = 70018
PJSIP_EINVALIDURI = 171039

_one_endpoint = threading.Lock()  # pjsua2 is a singleton


class SipThread:
    """Owns the endpoint. `deliver_line` gets each incoming call's line in the event loop's thread.

    Methods up to `post` belong to the event loop's thread, everything below to the SIP thread.
    """

    def __init__(
        self,
        options: TrunkOptions,
        make_line: Callable[[str], LineBase],
        deliver_line: Callable[[LineBase], None],
        on_death: Callable[[], None],
    ) -> None:
        self.options = options
        self.uri = ""
        self._loop = asyncio.get_running_loop()
        self._make_line, self._deliver_line, self._on_death = make_line, deliver_line, on_death
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._commands: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="sip", daemon=True)
        self._stop_by: float | None = None
        self._calls: dict[str, SipCall] = {}
        self._ports: list[MediaPort] = []
        self._free_ports: list[MediaPort] = []
        self._endpoint: Any = None
        self._account: Any = None
        self._sink: Any = None

    async def start(self) -> None:
        """Open the endpoint and register; raises `SipFault`."""
        if not _one_endpoint.acquire(blocking=False):
            raise SipFault("this process already has a SIP endpoint: one process, one trunk", permanent=True)
        self._thread.start()
        await self._ready

    async def stop(self, timeout_s: float) -> None:
        """Hang up everything, wait for the endings up to `timeout_s`, free the engine."""
        self.post(functools.partial(self._begin_stop, timeout_s))
        await asyncio.to_thread(self._thread.join)

    @property
    def alive(self) -> bool:
        """The thread runs and takes commands."""
        return self._thread.is_alive()

    def post(self, command: Callable[[], None]) -> None:
        """Have the SIP thread do something within about 5 ms."""
        self._commands.put(command)

    # --- the thread's life ---

    def _run(self) -> None:
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        fault: SipFault | None = None
        try:
            self._open()
        except SipFault as refused:
            fault = refused.with_traceback(None)  # a traceback would carry pjsua2 objects into another thread
        except pj.Error as error:
            fault = SipFault(f"the SIP engine does not start: {error.reason or error.title}")
        except Exception:
            log.error("action=open failed: %s", traceback.format_exc())
            fault = SipFault("the SIP engine does not start")
        if fault is None:
            self._in_loop(self._ready_set, None)
            try:
                while self._stop_by is None or (self._calls and monotonic() < self._stop_by):
                    self._turn()
            except Exception:
                log.error("action=run the SIP thread failed: %s", traceback.format_exc())
        self._close()
        _one_endpoint.release()
        if fault is not None:
            self._in_loop(self._ready_set, fault)
        self._in_loop(self._on_death)

    def _ready_set(self, fault: SipFault | None) -> None:
        if self._ready.done():
            return
        if fault is None:
            self._ready.set_result(None)
        else:
            self._ready.set_exception(fault)

    def _in_loop(self, action: Callable[..., None], *args: Any) -> None:
        try:
            self._loop.call_soon_threadsafe(action, *args)
        except RuntimeError:  # the loop is closed: nobody is left to be told
            log.debug("action=tell the event loop is closed")

    def _begin_stop(self, timeout_s: float) -> None:
        self._stop_by = monotonic() + timeout_s
        for call in self._calls.values():
            call.give_up(Cause.CANCELLED)

    def _open(self) -> None:
        options = self.options
        silence_library()
        endpoint = self._endpoint = pj.Endpoint()
        endpoint.libCreate()
        endpoint.libInit(endpoint_config())
        transport_id = open_transport(endpoint, options)
        endpoint.libStart()
        endpoint.audDevManager().setNullDev()
        self._sink = endpoint.audDevManager().getPlaybackDevMedia()
        choose_codecs(endpoint, options.codecs)
        address = str(endpoint.transportGetInfo(transport_id).localName)
        self.uri = f"sip:{options.user}@{address}"
        copy = frame_copy()
        self._ports = [MediaPort(f"line{i}", copy) for i in range(SLOTS)]
        self._free_ports = list(self._ports)
        account = self._account = SipAccount(self.incoming)
        account.create(account_config(options, self.uri, transport_id))
        if options.registrar:
            account.await_registration(options.registrar, self._pump, REGISTER_TIMEOUT_S)

    def _close(self) -> None:
        """The measured order: calls, account, clock, ports, then the library. Every line gets its ending."""
        try:
            self._end_all()
            if self._endpoint is not None:
                self._endpoint.hangupAllCalls()
                self._pump()
            self._free()
        except Exception:
            log.error("action=close failed: %s", traceback.format_exc())

    def _end_all(self) -> None:
        for call in self._calls.values():
            self._end_line(call, Ending(Cause.FAULT, call.code, "the SIP engine stopped"))
            if call.port is not None:
                call.port.audio = None
                call.port = None

    def _free(self) -> None:
        while self._calls:
            _, call = self._calls.popitem()
            drop(call)
            del call
        if self._account is not None:
            if self._account.registration is not None:
                self._account.unregister(self._pump)
            self._account.shutdown()
            self._account = None
        self._sink = None
        if self._ports:
            # Stop the media clock first: freeing even idle ports under it crashed within 300 closes.
            self._endpoint.audDevManager().setNoDev()
        self._free_ports.clear()
        self._ports.clear()
        if self._endpoint is not None:
            # Calls were hung up and the registration taken back above: without this flag it sleeps a second for both.
            self._endpoint.libDestroy(pj.PJSUA_DESTROY_NO_NETWORK)
            self._endpoint = None

    # --- one turn ---

    def _pump(self) -> None:
        self._endpoint.libHandleEvents(POLL_MS)

    def _turn(self) -> None:
        self._pump()
        self._look_after()
        while True:
            try:
                command = self._commands.get_nowait()
            except queue.Empty:
                return
            command()
            self._bury()

    def _look_after(self) -> None:
        now = monotonic()
        for line_id in tuple(self._calls):
            self._look_after_call(self._calls[line_id], now)  # in a frame of its own, which holds no call afterwards
        self._bury()

    def _look_after_call(self, call: SipCall, now: float) -> None:
        if call.ring is not None and not call.answered and not call.ended:
            ring = Ringing(call.ring.code, early_media=call.media_ran)
            call.ring = None
            if ring != call.ring_told:
                call.ring_told = ring
                self.tell(call.line, ring)
        if call.broken and call.given_up is None:
            call.give_up(Cause.FAULT)
        if now >= call.give_up_at:
            # Our CANCEL makes the far end answer 487; a dead peer answers nothing, and there is no status.
            call.why = (pj.PJSIP_SC_REQUEST_TERMINATED if call.heard else 0), "ring timer"
            call.give_up(Cause.NO_ANSWER if call.heard else Cause.UNREACHABLE)
        if now >= call.end_at:
            call.end_at = float("inf")
            self.end(call, call.code, "no answer to our hanging up")

    def _bury(self) -> None:
        gone = [line_id for line_id, call in self._calls.items() if call.gone]
        for line_id in gone:
            call = self._calls.pop(line_id)
            if call.port is not None:
                call.port.audio = None
                call.port.stopTransmit(self._sink)
                self._free_ports.append(call.port)
                call.port = None
            drop(call)
            del call

    # --- what callbacks use ---

    def tell(self, line: LineBase, event: LineEvent) -> None:
        """Hand an event to the line's event loop. Any thread."""
        self._in_loop(line.deliver, event)

    def attach(self, call: SipCall) -> MediaPort:
        """Give the call a port and start its audio clock: a port is asked for frames while anything listens to it, so
        it also feeds the null device, and keeps time through hold and re-INVITE.
        """
        if call.port is None:
            port = call.port = self._free_ports.pop()
            port.audio = call.line.audio
            port.startTransmit(self._sink)
        return call.port

    def connect(self, call: SipCall, audio: Any) -> None:
        """Connect the call's audio with its port, both ways."""
        port = self.attach(call)
        audio.startTransmit(port)
        port.startTransmit(audio)

    def incoming(self, call_id: int) -> None:
        """An INVITE arrived."""
        line = self._make_line("")
        call = SipCall(self, self._account, line, call_id)
        line.remote = str(call.getInfo().remoteUri)
        refusal = 0
        if not self.options.accept:
            refusal = pj.PJSIP_SC_FORBIDDEN
        elif len(self._calls) >= self.options.channels or self._stop_by is not None:
            refusal = pj.PJSIP_SC_BUSY_HERE
        self._calls[line.id] = call
        if refusal:
            call.ended = True  # nobody waits for this line
            call.hangup(with_status(refusal))
        else:
            self._in_loop(self._deliver_line, line)

    def end(self, call: SipCall, code: int, reason: str) -> None:
        """The call is over: say what that was."""
        self._end_line(call, call.ending_of(code, reason))

    def _end_line(self, call: SipCall, ending: Ending) -> None:
        if call.ended:
            return
        call.ended = True
        if call.port is not None:
            call.port.audio = None
        call.line.audio.close()
        self.tell(call.line, ending)

    # --- commands ---

    def dial(self, line: LineBase, ring_timeout_s: float, headers: Mapping[str, str]) -> SipFault | None:
        """Send the INVITE, with `headers` of ours; what is wrong with it is returned."""
        self._bury()
        if self._stop_by is not None:
            return SipFault("the trunk is closed", permanent=True)
        if len(self._calls) >= self.options.channels or not self._free_ports:
            return SipFault(f"no channel is free: {self.options.channels} of {self.options.channels} are in use")
        call = SipCall(self, self._account, line)
        setting = pj.CallOpParam(True)
        setting.opt.videoCount = 0
        for name, value in headers.items():
            header = pj.SipHeader()
            header.hName, header.hValue = name, value
            setting.txOption.headers.append(header)
        try:
            call.makeCall(line.remote, setting)
        except pj.Error as error:
            status, reason = int(error.status), str(error.reason or error.title)
        else:
            call.give_up_at = monotonic() + ring_timeout_s
            self._calls[line.id] = call
            return None
        if status == PJ_ETOOMANY:
            return SipFault("no channel is free: a cancelled call still holds its slot (32 s at most)")
        if status == PJSIP_EINVALIDURI:
            return SipFault(f"not a SIP address: {line.remote}: {reason}", permanent=True)
        self._end_line(call, Ending(Cause.UNREACHABLE if status == PJ_ERESOLVE else Cause.FAULT, 0, reason))
        return None

    def act(self, line_id: str, action: Callable[[SipCall], None]) -> None:
        """Do something with a call if it still lives; an engine error there is logged, its line goes on."""
        call = self._calls.get(line_id)
        if call is None or call.gone or call.ended:
            return
        with logged(line_id):
            action(call)

    def ring(self, call: SipCall, *, early_media: bool) -> None:
        """180, or 183 with SDP."""
        call.answer(with_status(pj.PJSIP_SC_PROGRESS if early_media else pj.PJSIP_SC_RINGING))

    def answer(self, call: SipCall) -> None:
        """200 OK."""
        call.answer(with_status(pj.PJSIP_SC_OK))

    def reject(self, call: SipCall, code: int) -> None:
        """A final status instead of an answer."""
        call.give_up(cause_of(code), code)

    def hang_up(self, call: SipCall) -> None:
        """Whatever ends it: CANCEL, BYE, or 603."""
        if call.line.outgoing or call.answered:
            call.give_up(Cause.CANCELLED)
        else:
            call.give_up(Cause.REJECTED, pj.PJSIP_SC_DECLINE)

    def send_dtmf(self, call: SipCall, digits: str) -> None:
        """RFC 4733 keys."""
        call.dialDtmf(digits)
