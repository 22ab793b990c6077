"""What goes into the store and comes out of it, as values."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal

from voicebot import events

_CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_id() -> str:
    """A ULID: 26 letters and digits, sorted by the time it was made (ms), unique without a server, safe in file names.

    Source: github.com/ulid/spec.
    """
    number = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    return "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))


@dataclass(frozen=True, slots=True)
class Engines:
    """Which engines a call was made with, by name and version. `synthetic_ear`: the recogniser was trained on synthetic
    speech only, so its transcripts prove nothing about real callees.
    """

    asr: str = ""
    nlu: str = ""
    tts: str = ""
    synthetic_ear: bool = False


@dataclass(frozen=True, slots=True)
class NewCall:
    """A call about to be made. `contact_ref`: the firm's own key of the client; `contact_slots`: the data the script
    speaks from; `target`: SIP URI or number; `worker`: the stable name of the worker that holds it.
    """

    id: str
    flow: str
    flow_version: str
    target: str
    contact_ref: str = ""
    contact_slots: Mapping[str, str] = field(default_factory=dict)
    engines: Engines = Engines()
    worker: str = ""
    worker_pid: int = field(default_factory=os.getpid)
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of the transcript. `start_ms`, `end_ms` on the audio clock. Of the callee: `intent` and `confidence`
    (0–1, the recogniser's), `text` as it was said and `written` with numbers in figures ("" in older records); a
    pressed key reads 〔按键 1〕. Of the robot: `prompt` (its id in the script) and whether it was played to its end
    (`complete`); `text` is the whole prompt even if it was cut.
    """

    n: int
    role: Literal["robot", "callee"]
    text: str
    start_ms: int
    end_ms: int
    intent: str = ""
    confidence: float = 0.0
    prompt: str = ""
    complete: bool = True
    written: str = ""


@dataclass(frozen=True, slots=True)
class Lead:
    """What a human has to do after a call. `client`: the firm's key; `kind`: complaint, human, callback or plan; `rule`
    and `rule_version` say why it was made and `evidence` from what; `words`: the client's own; `due_at`: by when.
    """

    kind: str
    client: str
    rule: str
    rule_version: int
    grade: str
    words: str
    owner: str
    due_at: datetime
    evidence: Mapping[str, Any] = field(default_factory=dict)
    slots: Mapping[str, str] = field(default_factory=dict)
    complaint: bool = False
    status: str = "open"
    id: str = field(default_factory=new_id)
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as it stands in the record. `seq` counts from 1 within its call; `recorded_at`: the wall clock."""

    call_id: str
    seq: int
    recorded_at: datetime
    event: events.Event


@dataclass(frozen=True, slots=True)
class CallRecord:
    """A call as the record has it; while `state` is not "closed" the outcome fields are empty.

    `recording_path` lies below the recordings folder; `response_p50_ms`, `response_p95_ms`: from the callee's last
    voiced frame to the robot's first, None where no turn was answered; `fault`: why a call could not go on.
    """

    id: str
    flow: str
    flow_version: str
    contact_ref: str
    contact_slots: Mapping[str, str]
    target: str
    state: str
    created_at: datetime
    dialled_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None
    closed_at: datetime | None
    disposition: str
    grade: str
    sip_code: int
    sip_cause: str
    sip_reason: str
    ended_by_far_end: bool
    fault: str
    engines: Engines
    worker: str
    worker_pid: int
    disclosures: tuple[str, ...]
    recording_path: str
    recording_sha256: str
    recording_ms: int
    recording_problem: str
    response_p50_ms: int | None
    response_p95_ms: int | None
    turns: tuple[Turn, ...] = ()
    lead: Lead | None = None


@dataclass(frozen=True, slots=True)
class DoNotCall:
    """A number that is not called any more, by no campaign. `number`: canonical, see `store.number`."""

    number: str
    since: datetime
    reason: str
    call_id: str | None
