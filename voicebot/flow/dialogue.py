"""The words between a script and a call: what goes into `advance`, what comes out, and the state in between.

Everything is immutable, so a call can be replayed, compared and kept in the record.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from voicebot.nlu.understanding import Slot, Understanding

# ---------------------------------------------------------------- what the robot says


@dataclass(frozen=True, slots=True)
class Text:
    """Words of the script, as approved."""

    text: str


@dataclass(frozen=True, slots=True)
class Value:
    """A figure or name from the contact's data (or said by the callee), to be read by its type.

    `type`: "name", "title", "money", "percent", "date", "full_date", "time", "datetime", "digits", "integer", "text",
    "choice";
    `value`: canonical string ("128.50" for percent, "120000.00" CNY, "2026-11-25", "15:00", "600519", "王建国").
    `written`: how a transcript shows it ("128.50%", "12万元", "11月25日").
    """

    slot: str
    type: str
    value: str
    written: str


Segment = Text | Value


@dataclass(frozen=True, slots=True)
class Say:
    """Speak. `prompt`: its id in the script; `disclosure`: the required statement it is, "" if none (then it cannot be
    interrupted and counts only when played to the end); `interruptible`: whether the callee may cut it off.
    """

    prompt: str
    segments: tuple[Segment, ...]
    interruptible: bool = True
    disclosure: str = ""

    @property
    def written(self) -> str:
        """The prompt as a transcript shows it."""
        return "".join(s.text if isinstance(s, Text) else s.written for s in self.segments)


@dataclass(frozen=True, slots=True)
class Listen:
    """Wait for the callee, after everything said before has been played. After `silence_ms` of the line's audio clock
    without speech the script is told `Silence`. `expecting`: intents that would answer (a hint to ears and NLU).
    `keys`: DTMF digits that would answer.
    """

    silence_ms: int
    expecting: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the call, once everything said before has been played."""


@dataclass(frozen=True, slots=True)
class Act:
    """Something outside the call must happen: `do_not_call`, `callback`, `lead`, `transfer`, `complaint`, `message`,
    `webhook`.
    """

    kind: str
    data: Mapping[str, str] = field(default_factory=dict)


Action = Say | Listen | HangUp | Act

# ---------------------------------------------------------------- what happens to the script


@dataclass(frozen=True, slots=True)
class Start:
    """The call was answered."""


@dataclass(frozen=True, slots=True)
class Heard:
    """The callee's turn is over and this is what it meant. A text of only "[unk]" means: spoke, not understood."""

    understanding: Understanding


@dataclass(frozen=True, slots=True)
class Digit:
    """The callee pressed a key."""

    digit: str


@dataclass(frozen=True, slots=True)
class Silence:
    """The callee said nothing for as long as the last `Listen` allowed."""


@dataclass(frozen=True, slots=True)
class EarLost:
    """From now on the robot hears no words: every turn of the callee's comes as "[unk]". Keys still count."""


@dataclass(frozen=True, slots=True)
class Played:
    """A `Say` is over: `complete` if it was played to its end, otherwise it was cut off. Yields no actions; it is how
    the state knows which disclosures were really heard.
    """

    prompt: str
    complete: bool


Input = Start | Heard | Digit | Silence | EarLost | Played

# ---------------------------------------------------------------- where a call is in its script


@dataclass(frozen=True, slots=True)
class State:
    """A call's place in its script. `slots`: the contact's data, checked; `said`: slots the callee gave;
    `disclosed`: disclosures played to their end; `disposition`: the outcome so far ("" while none);
    `path`: the steps visited; `taken`: every branch, answer, fallback and fork that was taken, by its place
    ("warning:3", "answers:ask_ratio", "warning:no_input:1", "level:branch:0"); `intents`: every
    intent heard, in order; `last_said`: what "再说一遍" repeats.
    """

    step: str
    now: datetime
    slots: Mapping[str, str]
    said: tuple[Slot, ...] = ()
    identified: bool = False
    disclosed: frozenset[str] = frozenset()
    disposition: str = ""
    silences: int = 0
    misses: int = 0
    retries: Mapping[str, int] = field(default_factory=dict)
    path: tuple[str, ...] = ()
    taken: tuple[str, ...] = ()
    intents: tuple[str, ...] = ()
    last_said: tuple[Say, ...] = ()
    ended: bool = False
