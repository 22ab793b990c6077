"""What happens in a call, as values: appended to the record as they happen, read by live view, audit and replay.

`at_ms` is the call's audio clock: ms since the line's first frame, which is also the position in the recording. Before
the first frame (dialling, a line that never had media) it is 0. Order is the order of appending, not `at_ms`.

As JSON an event is `{"kind": "heard", "at_ms": 5240, "payload": {"text": "知道了", …}}`. Reading ignores payload keys
it does not know, so that an older program can follow a newer one; an unknown kind or a missing value is a `ValueError`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, cast, get_args

from pydantic import TypeAdapter


@dataclass(frozen=True, slots=True)
class Happening:
    """What all events share."""

    kind: ClassVar[str]
    at_ms: int


@dataclass(frozen=True, slots=True)
class Dialling(Happening):
    """The INVITE leaves now. `target`: the SIP URI dialled."""

    kind: ClassVar[str] = "dialling"
    target: str = ""


@dataclass(frozen=True, slots=True)
class Ringing(Happening):
    """SIP 180 or 183 (`code`) arrived; with `early_media` the network's sound can be heard already."""

    kind: ClassVar[str] = "ringing"
    code: int = 180
    early_media: bool = False


@dataclass(frozen=True, slots=True)
class Answered(Happening):
    """200 OK."""

    kind: ClassVar[str] = "answered"


@dataclass(frozen=True, slots=True)
class HeardPartial(Happening):
    """The recogniser's present guess; it may still change."""

    kind: ClassVar[str] = "heard_partial"
    text: str


@dataclass(frozen=True, slots=True)
class Heard(Happening):
    """A turn of the callee is over. `confidence` 0–1; `start_ms`, `end_ms` of its voice on the audio clock; `written`:
    the text with numbers in figures, for people ("" in the records of older programs).
    """

    kind: ClassVar[str] = "heard"
    text: str
    confidence: float
    start_ms: int
    end_ms: int
    written: str = ""


@dataclass(frozen=True, slots=True)
class Understood(Happening):
    """What the last `Heard` means. `intents`: (name, confidence 0–1), the surest first; `slots`: (type, the words that
    said it, normalised value).
    """

    kind: ClassVar[str] = "understood"
    intents: tuple[tuple[str, float], ...]
    slots: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Said(Happening):
    """A prompt is over: played from `start_ms` to `end_ms`; `complete` if to its end, else it was cut at `end_ms`.
    `text`: the whole prompt as a transcript shows it.
    """

    kind: ClassVar[str] = "said"
    prompt: str
    text: str
    start_ms: int
    end_ms: int
    complete: bool


@dataclass(frozen=True, slots=True)
class DisclosurePlayed(Happening):
    """A required statement was played to its end. `disclosure`: its id in the script."""

    kind: ClassVar[str] = "disclosure_played"
    disclosure: str


@dataclass(frozen=True, slots=True)
class DtmfReceived(Happening):
    """The callee pressed a key (0-9 * # A-D)."""

    kind: ClassVar[str] = "dtmf"
    digit: str


@dataclass(frozen=True, slots=True)
class SilenceNoticed(Happening):
    """The callee said nothing for as long as the script allowed."""

    kind: ClassVar[str] = "silence"


@dataclass(frozen=True, slots=True)
class BargeIn(Happening):
    """The callee cut the robot off. `text`: what of it was heard so far."""

    kind: ClassVar[str] = "barge_in"
    text: str = ""


@dataclass(frozen=True, slots=True)
class HeldByFarEnd(Happening):
    """The far end put us on hold (`held`) or took us back."""

    kind: ClassVar[str] = "held"
    held: bool


@dataclass(frozen=True, slots=True)
class TransferRefused(Happening):
    """The far end asked us to dial somebody else (REFER); it was declined."""

    kind: ClassVar[str] = "transfer_refused"


@dataclass(frozen=True, slots=True)
class Acted(Happening):
    """Something outside the call must happen. `action`: `do_not_call`, `callback`, `lead`, `transfer`, `complaint`.

    A `do_not_call` takes effect in the transaction that appends it.
    """

    kind: ClassVar[str] = "act"
    action: str
    data: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fault(Happening):
    """A part of ours failed (`part`: sip, asr, tts, flow, worker, ledger); the call may go on without it."""

    kind: ClassVar[str] = "fault"
    part: str
    reason: str


@dataclass(frozen=True, slots=True)
class Ended(Happening):
    """The line is no more. `cause`: a `sip.line.Cause`; `code`: the last SIP status, 0 if there was none."""

    kind: ClassVar[str] = "ended"
    cause: str
    code: int = 0
    reason: str = ""
    by_far_end: bool = False


@dataclass(frozen=True, slots=True)
class Recorded(Happening):
    """The recording is finished. `path`: below the recordings folder ("" if there is none); `sha256`: of the file, in
    hex; `problem`: why it is missing or incomplete, "" if it is whole.
    """

    kind: ClassVar[str] = "recording"
    path: str
    sha256: str
    duration_ms: int
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Concluded(Happening):
    """What the call came to. `grade`: A–F; `response_ms`: for each turn answered, from the callee's last voiced frame
    to the robot's first.
    """

    kind: ClassVar[str] = "concluded"
    disposition: str
    grade: str
    response_ms: tuple[int, ...] = ()


Event = (
    Dialling | Ringing | Answered | HeardPartial | Heard | Understood | Said | DisclosurePlayed | DtmfReceived
    | SilenceNoticed | BargeIn | HeldByFarEnd | TransferRefused | Acted | Fault | Ended | Recorded | Concluded
)  # fmt: skip

_ADAPTERS: Final[dict[str, TypeAdapter[Any]]] = {cls.kind: TypeAdapter(cls) for cls in get_args(Event)}
KINDS: Final[frozenset[str]] = frozenset(_ADAPTERS)


def payload_of(event: Event) -> dict[str, Any]:
    """The event's own values, ready for `json.dumps`: everything but kind and at_ms."""
    payload: dict[str, Any] = _ADAPTERS[event.kind].dump_python(event, mode="json")
    del payload["at_ms"]
    return payload


def restore(kind: str, at_ms: int, payload: Mapping[str, Any]) -> Event:
    """The event that `payload_of` was made from. Raises `ValueError` for an unknown kind or a payload that misses or
    mistypes a value.
    """
    adapter = _ADAPTERS.get(kind)
    if adapter is None:
        raise ValueError(f"unknown kind of event: {kind!r}")
    return cast("Event", adapter.validate_python({**payload, "at_ms": at_ms}))


def to_json(event: Event) -> dict[str, Any]:
    """`{"kind", "at_ms", "payload"}`, ready for `json.dumps`."""
    return {"kind": event.kind, "at_ms": event.at_ms, "payload": payload_of(event)}


def from_json(data: Mapping[str, Any]) -> Event:
    """The inverse of `to_json`. Raises `ValueError`."""
    try:
        return restore(data["kind"], data["at_ms"], data["payload"])
    except KeyError as missing:
        raise ValueError(f"an event needs {missing}") from None
