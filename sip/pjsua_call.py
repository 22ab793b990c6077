"""One call as pjsua2 knows it: what its callbacks report, what its end meant, and how it is let go.

Belongs to the SIP thread (`sip.pjsua_thread`), which has the rules of lifetime.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any, Protocol

import pjsua2 as pj

from sip.endings import cause_of
from sip.line import Answered, Cause, Dtmf, Ending, Held, LineEvent, Ringing, TransferRefused
from sip.line_base import LineBase
from sip.pjsua_callback import callback
from sip.ports import MediaPort

log = logging.getLogger(__name__)

HANG_UP_GRACE_S = 2.0  # how long a far end may take to confirm a BYE before the line ends without it

_AUDIO = (pj.PJSUA_CALL_MEDIA_ACTIVE, pj.PJSUA_CALL_MEDIA_REMOTE_HOLD)


class CallThread(Protocol):
    """What a call's callbacks ask of the SIP thread; see `sip.pjsua_thread.SipThread`."""

    def tell(self, line: LineBase, event: LineEvent) -> None:
        """Hand an event to the line's event loop. Any thread."""

    def attach(self, call: SipCall) -> MediaPort:
        """Give the call a port and start its audio clock."""
        ...

    def connect(self, call: SipCall, audio: Any) -> None:
        """Connect the call's audio with its port, both ways."""

    def end(self, call: SipCall, code: int, reason: str) -> None:
        """The call is over."""


class SipCall(pj.Call):  # type: ignore[misc]  # pjsua2 has no types
    """One pjsua2 call and what the SIP thread knows of it."""

    def __init__(self, thread: CallThread, account: Any, line: LineBase, call_id: int = pj.PJSUA_INVALID_ID) -> None:
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

    @callback
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

    @callback
    def onCallTsxState(self, prm: Any) -> None:  # noqa: N802
        """Only to know that anybody answered the INVITE at all, 100 Trying included."""
        transaction = prm.e.body.tsxState.tsx
        if transaction.method == "INVITE" and not self.answered:
            self.code = int(transaction.statusCode) or self.code
            self.heard = self.heard or 100 <= self.code < 200

    @callback
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

    @callback
    def onDtmfDigit(self, prm: Any) -> None:  # noqa: N802
        """A key, RFC 4733 (called on a media thread) or SIP INFO."""
        self.thread.tell(self.line, Dtmf(str(prm.digit)))

    @callback
    def onCallTransferRequest(self, prm: Any) -> None:  # noqa: N802
        """A far REFER: the default would be to obey it."""
        prm.statusCode = pj.PJSIP_SC_DECLINE
        self.thread.tell(self.line, TransferRefused(str(prm.dstUri)))

    @callback
    def onCallReplaceRequest(self, prm: Any) -> None:  # noqa: N802
        """An INVITE that wants to take this call's place: the same as a REFER."""
        prm.statusCode = pj.PJSIP_SC_DECLINE

    def give_up(self, cause: Cause, code: int = 0) -> None:
        """End it from our side, once. `cause` is what that means before an answer; `code` is the status to send instead
        of the one that pjsua would choose (0).
        """
        self.give_up_at = float("inf")
        if self.given_up is not None or self.gone:
            return
        self.given_up = cause
        self.end_at = monotonic() + HANG_UP_GRACE_S
        with logged(self.line_id):
            self.hangup(with_status(code))

    def ending_of(self, code: int, reason: str) -> Ending:
        """What it means that the call is over, with the last SIP status (0: none came) and its reason."""
        far = self.given_up is None
        if self.answered and self.given_up is not Cause.FAULT:
            cause = Cause.COMPLETED
        elif self.given_up is not None:
            cause = self.given_up
        elif code == pj.PJSIP_SC_REQUEST_TERMINATED and not self.line.outgoing:
            cause = Cause.CANCELLED
        elif code == pj.PJSIP_SC_REQUEST_TIMEOUT and not self.heard and self.line.outgoing:
            cause, far = Cause.UNREACHABLE, False  # our own transaction timer: nobody is there
        else:
            cause = cause_of(code)
        if self.why is not None:
            code, reason = self.why
        return Ending(cause, code, reason, by_far_end=far)


def drop(call: SipCall) -> None:
    """Let go of a call whose caller holds the one reference that is left, in a name of its own."""
    # Two references are ours (the caller's and this frame's argument) and one is getrefcount's own. If somebody
    # else holds the call, ~Call could run later and hang up whoever has the slot by then: rather leak a few bytes.
    if sys.getrefcount(call) > 3:
        call.this.disown()


@contextmanager
def logged(line_id: str) -> Iterator[None]:
    """An engine error in here is logged, and the line goes on."""
    try:
        yield
    except pj.Error as error:
        log.warning("call_id=%s action=%s failed: %s", line_id, error.title, error.reason)


def with_status(code: int) -> Any:
    """A `CallOpParam` with this SIP status."""
    parameters = pj.CallOpParam()
    parameters.statusCode = code
    return parameters
