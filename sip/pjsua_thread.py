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
"""

from __future__ import annotations

import asyncio
import ctypes
import functools
import logging
import queue
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import Any

import pjsua2 as pj

from sip.endings import cause_of
from sip.line import (
    Answered,
    Cause,
    Dtmf,
    Ending,
    Held,
    LineEvent,
    Ringing,
    SipFault,
    TransferRefused,
    TrunkOptions,
)
from sip.line_base import LineBase
from sip.ports import MediaPort, frame_copy
from sip.uri import SipUri

log = logging.getLogger(__name__)

SLOTS = 4  # PJSUA_MAX_CALLS, compiled into the wheel
RTP_RANGE = 100  # ports from `rtp_port` on; two a call, and those of slots not yet free
POLL_MS = 5
HANG_UP_GRACE_S = 2.0  # how long a far end may take to confirm a BYE before the line ends without it
REGISTER_TIMEOUT_S = 10.0
REGISTER_AGAIN_S = 30
SWITCH_INTERVAL_S = 0.0005  # at the default 5 ms a busy Python thread cost a third of the frames (measured)

# pj/errno.h and pjsip/sip_errno.h; the wheel does not export them.
PJ_ETOOMANY = 70010
PJ_ERESOLVE = 70018
PJSIP_EINVALIDURI = 171039

_AUDIO = (pj.PJSUA_CALL_MEDIA_ACTIVE, pj.PJSUA_CALL_MEDIA_REMOTE_HOLD)
_one_endpoint = threading.Lock()  # pjsua2 is a singleton


def _callback(method: Callable[..., None]) -> Callable[..., None]:
    """Nothing may raise into C++: an engine that fails in a callback ends that call as a fault."""

    @functools.wraps(method)
    def guarded(self: Any, *args: Any) -> None:
        try:
            method(self, *args)
        except Exception:
            # As text: a record that kept the traceback would keep pjsua2 objects alive for another thread to free.
            log.error("call_id=%s action=%s failed: %s", self.line_id, method.__name__, traceback.format_exc())
            self.broken = True

    return guarded


class _Call(pj.Call):  # type: ignore[misc]  # pjsua2 has no types
    """One pjsua2 call and what the SIP thread knows of it."""

    def __init__(self, thread: SipThread, account: Any, line: LineBase, call_id: int = pj.PJSUA_INVALID_ID) -> None:
        super().__init__(account, call_id)
        self.thread = thread
        self.line = line
        self.line_id = line.id
        self.port: MediaPort | None = None
        self.broken = False
        self.gone = False  # pjsua reported DISCONNECTED
        self.ended = False  # the line has its Ending
        self.code = 0  # the last SIP status of the INVITE
        self.heard = False  # any provisional answer, 100 Trying included: somebody is there
        self.ring: Ringing | None = None
        self.ring_told: Ringing | None = None
        self.answered = False
        self.media = False  # audio runs now
        self.media_ran = False
        self.held = False
        self.why: tuple[int, str] | None = None  # code and reason, where we know better than the last SIP message
        self.given_up: Cause | None = None  # we end it, and what that means before an answer
        self.give_up_at = float("inf")  # ring timer
        self.end_at = float("inf")  # the far end does not confirm our hanging up

    @_callback
    def onCallState(self, prm: Any) -> None:  # noqa: N802  # pjsua2's names here and below
        """Early, confirmed, disconnected."""
        info = self.getInfo()
        self.code = int(info.lastStatusCode) or self.code
        if info.state == pj.PJSIP_INV_STATE_EARLY and self.line.outgoing:
            self.ring = Ringing(self.code)
        elif info.state == pj.PJSIP_INV_STATE_CONFIRMED and not len(info.media):
            # The engine would notice half a second later.
            self.broken = True
            self.why = pj.PJSIP_SC_NOT_ACCEPTABLE_HERE, "the answer has no codec of ours"
        elif info.state == pj.PJSIP_INV_STATE_CONFIRMED and not self.answered:
            self.answered = True
            self.give_up_at = float("inf")
            self.thread.attach(self)  # the audio clock runs even if the answer carried no audio
            self.line.audio.open_gate()
            self.thread.tell(self.line, Answered())
        elif info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self.gone = True
            self.thread.end(self, self.code, info.lastReason)

    @_callback
    def onCallTsxState(self, prm: Any) -> None:  # noqa: N802
        """Only to know that anybody answered the INVITE at all, 100 Trying included."""
        transaction = prm.e.body.tsxState.tsx
        if transaction.method == "INVITE" and not self.answered:
            self.code = int(transaction.statusCode) or self.code
            self.heard = self.heard or 100 <= self.code < 200

    @_callback
    def onCallMediaState(self, prm: Any) -> None:  # noqa: N802
        """Media was made anew (first answer, early media, hold, resume): connect the port to it."""
        held = self.media = False
        info = self.getInfo()  # kept by name: the list inside does not keep it alive, and would be read after its free
        for index, media in enumerate(info.media):
            if media.type != pj.PJMEDIA_TYPE_AUDIO:
                continue
            held = held or media.status == pj.PJSUA_CALL_MEDIA_REMOTE_HOLD
            held = held or (self.media_ran and media.dir in (pj.PJMEDIA_DIR_NONE, pj.PJMEDIA_DIR_DECODING))
            if media.status in _AUDIO and media.dir != pj.PJMEDIA_DIR_NONE and not self.media:
                self.thread.connect(self, self.getAudioMedia(index))
                self.media = self.media_ran = True
        if held != self.held:
            self.held = held
            self.thread.tell(self.line, Held(held))

    @_callback
    def onDtmfDigit(self, prm: Any) -> None:  # noqa: N802
        """A key, RFC 4733 (called on a media thread) or SIP INFO."""
        self.thread.tell(self.line, Dtmf(str(prm.digit)))

    @_callback
    def onCallTransferRequest(self, prm: Any) -> None:  # noqa: N802
        """A far REFER: the default would be to obey it."""
        prm.statusCode = pj.PJSIP_SC_DECLINE
        self.thread.tell(self.line, TransferRefused(str(prm.dstUri)))

    @_callback
    def onCallReplaceRequest(self, prm: Any) -> None:  # noqa: N802
        """An INVITE that wants to take this call's place: the same as a REFER."""
        prm.statusCode = pj.PJSIP_SC_DECLINE


class _Account(pj.Account):  # type: ignore[misc]  # pjsua2 has no types
    """Our identity on the trunk."""

    def __init__(self, thread: SipThread) -> None:
        super().__init__()
        self.thread = thread
        self.line_id = "-"
        self.broken = False
        self.registration: tuple[int, str] | None = None

    @_callback
    def onIncomingCall(self, prm: Any) -> None:  # noqa: N802
        self.thread.incoming(int(prm.callId))

    @_callback
    def onRegState(self, prm: Any) -> None:  # noqa: N802
        self.registration = (int(prm.code), str(prm.reason))
        if prm.code // 100 != 2:
            log.warning("action=register code=%s reason=%s", prm.code, prm.reason)


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
        self._calls: dict[str, _Call] = {}
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
            self._hang_up(call, Cause.CANCELLED)

    def _open(self) -> None:
        options = self.options
        _silence_library()
        endpoint = self._endpoint = pj.Endpoint()
        endpoint.libCreate()
        endpoint.libInit(_endpoint_config())
        transport_id = self._open_transport()
        endpoint.libStart()
        endpoint.audDevManager().setNullDev()
        self._sink = endpoint.audDevManager().getPlaybackDevMedia()
        self._choose_codecs()
        address = str(endpoint.transportGetInfo(transport_id).localName)
        self.uri = f"sip:{options.user}@{address}"
        copy = frame_copy()
        self._ports = [MediaPort(f"line{i}", copy) for i in range(SLOTS)]
        self._free_ports = list(self._ports)
        account = self._account = _Account(self)
        account.create(self._account_config(transport_id))
        if options.registrar:
            self._await_registration()

    def _open_transport(self) -> int:
        options = self.options
        transport = pj.TransportConfig()
        transport.port = options.port
        if options.bind != "0.0.0.0":  # noqa: S104  # compared, not bound
            transport.boundAddress = transport.publicAddress = options.bind
        try:
            return int(self._endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport))
        except pj.Error as error:
            where = f"UDP port {options.port} on {options.bind}" if options.port else f"a UDP port on {options.bind}"
            reason = str(error.reason)
        if "in use" in reason:
            raise SipFault(f"{where} is in use by another program", permanent=True)
        raise SipFault(f"cannot open {where}: {reason}", permanent=True)

    def _choose_codecs(self) -> None:
        known = [str(codec.codecId) for codec in self._endpoint.codecEnum2()]
        for codec in known:
            self._endpoint.codecSetPriority(codec, 0)
        for rank, wanted in enumerate(self.options.codecs):
            found = [codec for codec in known if codec.upper().startswith(wanted.upper() + "/")]
            if not found:
                names = ", ".join(sorted({codec.split("/")[0] for codec in known}))
                raise SipFault(f"codec {wanted} is unknown to this engine, which has {names}", permanent=True)
            self._endpoint.codecSetPriority(found[0], 255 - rank)

    def _account_config(self, transport_id: int) -> Any:
        options = self.options
        config = pj.AccountConfig()
        config.idUri = self.uri
        config.sipConfig.transportId = transport_id
        if options.registrar:
            registrar = SipUri.parse(options.registrar)
            config.idUri = f"sip:{options.user}@{registrar.authority}"
            config.regConfig.registrarUri = str(registrar)
            config.regConfig.retryIntervalSec = REGISTER_AGAIN_S
        if options.username:
            credentials = pj.AuthCredInfo("digest", "*", options.username, 0, options.password)
            config.sipConfig.authCreds.append(credentials)
        if options.proxy:
            proxy = str(SipUri.parse(options.proxy))
            config.sipConfig.proxies.append(proxy if ";lr" in proxy else f"{proxy};lr")
        media = config.mediaConfig.transportConfig
        media.port = options.rtp_port
        if options.rtp_port:
            media.portRange = RTP_RANGE
        if options.bind != "0.0.0.0":  # noqa: S104  # compared, not bound
            media.boundAddress = media.publicAddress = options.bind
        return config

    def _await_registration(self) -> None:
        until = monotonic() + REGISTER_TIMEOUT_S
        while self._account.registration is None and monotonic() < until:
            self._endpoint.libHandleEvents(POLL_MS)
        code, reason = self._account.registration or (408, "no answer")
        if code // 100 != 2:
            refused = code in (401, 403, 404, 407)
            raise SipFault(f"registration at {self.options.registrar} failed: {code} {reason}", permanent=refused)

    def _close(self) -> None:
        """The measured order: calls, account, clock, ports, then the library. Every line gets its ending."""
        try:
            self._end_all()
            if self._endpoint is not None:
                self._endpoint.hangupAllCalls()
                self._endpoint.libHandleEvents(POLL_MS)
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
            self._drop(call)
            del call
        if self._account is not None:
            if self._account.registration is not None:
                self._unregister()
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

    def _unregister(self) -> None:
        self._account.registration = None
        try:
            self._account.setRegistration(False)
        except pj.Error:  # it was never accepted, so there is nothing to take back
            return
        until = monotonic() + 1.0
        while self._account.registration is None and monotonic() < until:
            self._endpoint.libHandleEvents(POLL_MS)

    # --- one turn ---

    def _turn(self) -> None:
        self._endpoint.libHandleEvents(POLL_MS)
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

    def _look_after_call(self, call: _Call, now: float) -> None:
        if call.ring is not None and not call.answered and not call.ended:
            ring = Ringing(call.ring.code, early_media=call.media_ran)
            call.ring = None
            if ring != call.ring_told:
                call.ring_told = ring
                self.tell(call.line, ring)
        if call.broken and call.given_up is None:
            self._hang_up(call, Cause.FAULT)
        if now >= call.give_up_at:
            # Our CANCEL makes the far end answer 487; a dead peer answers nothing, and there is no status.
            call.why = (pj.PJSIP_SC_REQUEST_TERMINATED if call.heard else 0), "ring timer"
            self._hang_up(call, Cause.NO_ANSWER if call.heard else Cause.UNREACHABLE)
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
            self._drop(call)
            del call

    @staticmethod
    def _drop(call: _Call) -> None:
        # Two references are ours (the caller's and this frame's argument) and one is getrefcount's own. If somebody
        # else holds the call, ~Call could run later and hang up whoever has the slot by then: rather leak a few bytes.
        if sys.getrefcount(call) > 3:
            call.this.disown()

    # --- what callbacks use ---

    def tell(self, line: LineBase, event: LineEvent) -> None:
        """Hand an event to the line's event loop. Any thread."""
        self._in_loop(line.deliver, event)

    def attach(self, call: _Call) -> MediaPort:
        """Give the call a port and start its audio clock: a port is asked for frames while anything listens to it, so
        it also feeds the null device, and keeps time through hold and re-INVITE.
        """
        if call.port is None:
            port = call.port = self._free_ports.pop()
            port.audio = call.line.audio
            port.startTransmit(self._sink)
        return call.port

    def connect(self, call: _Call, audio: Any) -> None:
        """Connect the call's audio with its port, both ways."""
        port = self.attach(call)
        audio.startTransmit(port)
        port.startTransmit(audio)

    def incoming(self, call_id: int) -> None:
        """An INVITE arrived."""
        line = self._make_line("")
        call = _Call(self, self._account, line, call_id)
        line.remote = str(call.getInfo().remoteUri)
        refusal = 0
        if not self.options.accept:
            refusal = pj.PJSIP_SC_FORBIDDEN
        elif len(self._calls) >= self.options.channels or self._stop_by is not None:
            refusal = pj.PJSIP_SC_BUSY_HERE
        self._calls[line.id] = call
        if refusal:
            call.ended = True  # nobody waits for this line
            call.hangup(_with_status(refusal))
        else:
            self._in_loop(self._deliver_line, line)

    def end(self, call: _Call, code: int, reason: str) -> None:
        """The call is over: say what that was."""
        ours = call.given_up is not None
        far = not ours
        if call.answered and call.given_up is not Cause.FAULT:
            cause = Cause.COMPLETED
        elif call.given_up is not None:
            cause = call.given_up
        elif code == pj.PJSIP_SC_REQUEST_TERMINATED and not call.line.outgoing:
            cause = Cause.CANCELLED
        elif code == pj.PJSIP_SC_REQUEST_TIMEOUT and not call.heard and call.line.outgoing:
            cause, far = Cause.UNREACHABLE, False  # our own transaction timer: nobody is there
        else:
            cause = cause_of(code)
        if call.why is not None:
            code, reason = call.why
        self._end_line(call, Ending(cause, code, reason, by_far_end=far))

    def _end_line(self, call: _Call, ending: Ending) -> None:
        if call.ended:
            return
        call.ended = True
        if call.port is not None:
            call.port.audio = None
        call.line.audio.close()
        self.tell(call.line, ending)

    # --- commands ---

    def dial(self, line: LineBase, ring_timeout_s: float) -> SipFault | None:
        """Send the INVITE; what is wrong with it is returned."""
        self._bury()
        if self._stop_by is not None:
            return SipFault("the trunk is closed", permanent=True)
        if len(self._calls) >= self.options.channels or not self._free_ports:
            return SipFault(f"no channel is free: {self.options.channels} of {self.options.channels} are in use")
        call = _Call(self, self._account, line)
        setting = pj.CallOpParam(True)
        setting.opt.videoCount = 0
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

    def act(self, line_id: str, action: Callable[[_Call], None]) -> None:
        """Do something with a call if it still lives; an engine error there is logged, its line goes on."""
        call = self._calls.get(line_id)
        if call is None or call.gone or call.ended:
            return
        with _logged(line_id):
            action(call)

    def ring(self, call: _Call, *, early_media: bool) -> None:
        """180, or 183 with SDP."""
        call.answer(_with_status(pj.PJSIP_SC_PROGRESS if early_media else pj.PJSIP_SC_RINGING))

    def answer(self, call: _Call) -> None:
        """200 OK."""
        call.answer(_with_status(pj.PJSIP_SC_OK))

    def reject(self, call: _Call, code: int) -> None:
        """A final status instead of an answer."""
        self._hang_up(call, cause_of(code), code)

    def hang_up(self, call: _Call) -> None:
        """Whatever ends it: CANCEL, BYE, or 603."""
        if call.line.outgoing or call.answered:
            self._hang_up(call, Cause.CANCELLED)
        else:
            self._hang_up(call, Cause.REJECTED, pj.PJSIP_SC_DECLINE)

    def _hang_up(self, call: _Call, cause: Cause, code: int = 0) -> None:
        call.give_up_at = float("inf")
        if call.given_up is not None or call.gone:
            return
        call.given_up = cause
        call.end_at = monotonic() + HANG_UP_GRACE_S
        with _logged(call.line_id):
            call.hangup(_with_status(code))

    def send_dtmf(self, call: _Call, digits: str) -> None:
        """RFC 4733 keys."""
        call.dialDtmf(digits)


@contextmanager
def _logged(line_id: str) -> Iterator[None]:
    try:
        yield
    except pj.Error as error:
        log.warning("call_id=%s action=%s failed: %s", line_id, error.title, error.reason)


def _silence_library() -> None:
    # `libCreate` prints six lines to standard output before any configuration is read; `--json` output must stay clean.
    for library in Path(pj.__file__).parent.glob("_pjsua2*.so"):
        with suppress(OSError, AttributeError):
            ctypes.CDLL(str(library)).pj_log_set_level(0)


def _with_status(code: int) -> Any:
    parameters = pj.CallOpParam()
    parameters.statusCode = code
    return parameters


def _endpoint_config() -> Any:
    config = pj.EpConfig()
    config.logConfig.level = config.logConfig.consoleLevel = 0
    agent = config.uaConfig
    agent.threadCnt = 0  # with a thread of its own, DISCONNECTED events were lost
    agent.mainThreadOnly = False
    agent.maxCalls = SLOTS
    agent.userAgent = "voicebot"
    media = config.medConfig
    # 8 kHz throughout: a 16 kHz port costs 20 ms more; no voice activity gate and no echo canceller on a telephone
    # line whose far end we recognise; a jitter buffer that starts empty and holds back 60 ms at most before it adapts.
    media.clockRate, media.audioFramePtime = 8000, 20
    media.noVad, media.ecTailLen = True, 0
    media.jbInit, media.jbMinPre, media.jbMaxPre, media.jbMax = 0, 0, 60, 200
    return config
