"""What every telephone engine offers: a `Trunk` dials and answers, a `Line` is one call on it.

Audio everywhere is mono s16le at 8000 Hz in frames of 20 ms (160 samples, 320 bytes).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol

SAMPLE_RATE = 8000
FRAME_MS = 20
FRAME_BYTES = SAMPLE_RATE * FRAME_MS // 1000 * 2
SILENCE = bytes(FRAME_BYTES)
NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


class SipFault(Exception):  # the house calls what failed a fault
    """The telephone failed (not: the callee was busy, which is a value).

    `permanent` says that trying the same again cannot help (a malformed URI, a port in use).
    """

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent


class Cause(StrEnum):
    """How a call ended, seen from SIP alone."""

    COMPLETED = "completed"  # was answered; somebody hung up (see Ending.by_far_end)
    BUSY = "busy"  # 486, 600
    NO_ANSWER = "no_answer"  # our ring timer, 408, 480
    REJECTED = "rejected"  # 603, 403, 401/407 not satisfied
    WRONG_NUMBER = "wrong_number"  # 404, 410, 484, 604: no such number
    UNREACHABLE = "unreachable"  # 503, 502, 500, 504, dead peer, unresolvable host
    CANCELLED = "cancelled"  # we gave up before the answer, on request
    FAULT = "fault"  # our own failure: 415/488 no common codec, engine error


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a line is no more. `code` is the last SIP status (0: none was received), `by_far_end` who ended it."""

    cause: Cause
    code: int = 0
    reason: str = ""
    by_far_end: bool = False


@dataclass(frozen=True, slots=True)
class Ringing:
    """180 or 183 arrived; with `early_media` sound can be heard before the answer."""

    code: int
    early_media: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """200 OK and media runs: frames carry the callee from now on."""


@dataclass(frozen=True, slots=True)
class Dtmf:
    """The far end pressed a key (RFC 4733 or SIP INFO)."""

    digit: str


@dataclass(frozen=True, slots=True)
class Held:
    """The far end put us on hold (`held`) or took us back."""

    held: bool


@dataclass(frozen=True, slots=True)
class TransferRefused:
    """The far end asked us to dial somebody else (REFER); it was declined."""

    target: str


LineEvent = Ringing | Answered | Dtmf | Held | TransferRefused | Ending


class Frame(NamedTuple):
    """One 20 ms tick of a line's audio clock, both directions of the same instant.

    The clock starts with early media or, where there is none, with `Answered`; from then on it has no gaps until the
    line ends, whatever the network does (loss, hold): what did not arrive is silence.
    `rx`: 320 bytes heard (silence where nothing arrived); `tx`: 320 bytes spoken (silence where nothing was queued).
    `utterance`: the number `play` gave to what `tx` belongs to, 0 for silence; `last`: that utterance's final frame.
    """

    rx: bytes
    tx: bytes
    utterance: int
    last: bool


class FrameQueue(Protocol):
    """The bounded way of frames from the media clock to one listener thread.

    Overflow rule: it holds 10 s (500 frames); then the oldest frames go, and `dropped` counts them.
    """

    dropped: int

    def get(self, timeout_s: float) -> Sequence[Frame] | None:
        """All frames that wait (at least one), after at most `timeout_s`; empty on time-out; None once the line ended
        and everything was read. Called from one thread only, never from the event loop.
        """
        ...


class Line(Protocol):
    """One call. All methods belong to the event loop's thread, except `frames.get`."""

    id: str
    remote: str  # the far end's SIP URI
    frames: FrameQueue

    def events(self) -> AsyncIterator[LineEvent]:
        """What happens, in order; the last event is always one `Ending`, then the iterator stops."""
        ...

    async def ring(self, *, early_media: bool = False) -> None:
        """Incoming call only: send 180, or 183 with SDP so that `play` is heard before the answer."""
        ...

    async def answer(self) -> None:
        """Incoming call only: send 200 OK."""
        ...

    async def reject(self, code: int) -> None:
        """Incoming call only: end it with this SIP status (486, 603, 404 …)."""
        ...

    def play(self, pcm: bytes) -> int:
        """Queue s16le 8000 Hz mono behind what already plays (padded to whole frames) and give the utterance's number
        (1, 2, …). At most 120 s may wait: more raises `SipFault`. On an ended line it is quietly dropped. On a call
        that we dialled nothing leaves before the answer: what is queued earlier begins with the answer's first tick.
        """
        ...

    def clear(self) -> None:
        """Barge-in: drop everything queued; the next tick is silence. The frame then playing is the utterance's last
        one, but is not marked `last`: `last` means played to the end.
        """
        ...

    def send_dtmf(self, digits: str) -> None:
        """Send keys 0-9 * # A-D by RFC 4733."""
        ...

    async def hang_up(self) -> Ending:
        """End the call whatever its state (CANCEL, BYE, or a rejection) and wait for its `Ending`; idempotent."""
        ...


class Trunk(Protocol):
    """A way into the telephone network, at most `channels` calls at once."""

    channels: int
    uri: str  # our own contact, "sip:voicebot@127.0.0.1:5060"

    async def dial(self, uri: str, *, ring_timeout_s: float = 45.0, headers: Mapping[str, str] = NO_HEADERS) -> Line:
        """Send an INVITE. Everything the network answers is an event of the line (at worst at once an `Ending`).

        `headers` go into it as they are: `X-` names, for an SBC or a log that must tell calls apart. Raises
        `SipFault(permanent=True)` for a malformed URI or header and `SipFault` when no channel is free.
        """
        ...

    def incoming(self) -> AsyncIterator[Line]:
        """Calls that ring here, for a trunk opened with `accept=True`; otherwise callers get 403."""
        ...

    async def close(self) -> None:
        """Hang up all calls, wait for their endings (3 s at most), free the engine. Idempotent."""
        ...


@dataclass(frozen=True, slots=True)
class TrunkOptions:
    """How to open a trunk; the same for every engine.

    `bind`/`port`: local address (port 0: any free one); `rtp_port`: first of the RTP range (0: engine's choice);
    `registrar`: "sip:host[:port]" to REGISTER with, `username`/`password`: digest auth for REGISTER and INVITE;
    `proxy`: outbound proxy URI; `codecs`: in order of preference; `accept`: take incoming calls.
    """

    bind: str = "127.0.0.1"
    port: int = 0
    rtp_port: int = 0
    channels: int = 4
    user: str = "voicebot"
    registrar: str = ""
    username: str = ""
    password: str = ""
    proxy: str = ""
    codecs: tuple[str, ...] = ("PCMA", "PCMU")
    accept: bool = False
