"""A persona: how a simulated callee answers the telephone, sounds, and what it says when. Read from YAML, checked.

It does not know what the robot says; it counts the robot's turns, as docs/softphone.md describes for authors.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, StrictBool, StrictInt, StrictStr, model_validator

from tts.readable import readable
from voicebot.flow.dispositions import Disposition
from voicebot.softphone.fault import PersonaError
from voicebot.softphone.reading import Part, read

__all__ = ["FOLDER", "Persona", "PersonaError", "load", "shipped"]

FOLDER = Path(__file__).resolve().parents[2] / "personas"

Ms = Annotated[int, Field(ge=0, le=600_000)]
Db = Annotated[float, Field(ge=-90, le=0)]


def _speakable(text: str) -> str:
    if not any(map(str.isalnum, readable(text))):
        raise ValueError("nothing speakable in it")
    return text


Line = Annotated[StrictStr, Field(min_length=1, max_length=300)]


class Sound(Part):
    """One thing heard before the answer: exactly one of `tone`, `say`, `wav` (a file beside the persona's), `quiet_ms`.
    `for_ms`: how long a tone lasts.
    """

    tone: Literal["ringback", "busy", "congestion", "empty_number"] | None = None
    for_ms: Ms = 5000
    say: Line | None = None
    wav: StrictStr | None = None
    quiet_ms: Ms | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        _exactly_one(self, "tone", "say", "wav", "quiet_ms")
        if self.say is not None:
            _speakable(self.say)
        return self


class Answer(Part):
    """What the telephone does with a call: 180 at once, or 183 with `early_media`; after `ring_ms` (and all early
    media) 200, or the SIP status `reject`; with `never` it rings until the caller gives up. A `reject` after 0 ms, with
    nothing to hear before, comes without a 180: the network refused, no phone rang.
    """

    ring_ms: Ms = 800
    early_media: tuple[Sound, ...] = ()
    reject: Annotated[int, Field(ge=400, le=699)] | None = None
    never: StrictBool = False

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.never and self.reject is not None:
            raise ValueError("never and reject exclude each other")
        return self

    @property
    def at_once(self) -> bool:
        """Whether it refuses without ringing."""
        return self.reject is not None and not (self.ring_ms or self.early_media)


class Speaker(Part):
    """How it sounds: `variant`, `rate` (words a minute), `pitch` (0–99) of the speech engine; `gain_db` on its speech
    (0 = −20 dBFS active); `noise_dbfs`: white noise behind everything, from the answer on.
    """

    variant: StrictStr = "m3"
    rate: Annotated[int, Field(ge=80, le=400)] = 180
    pitch: Annotated[int, Field(ge=0, le=99)] = 50
    gain_db: Annotated[float, Field(ge=-40, le=12)] = 0.0
    noise_dbfs: Db | None = None


class Hearing(Part):
    """When it takes the robot for speaking: louder than `threshold_dbfs`; a turn of the robot is over after `pause_ms`
    of silence (a robot pauses up to about 500 ms between its sentences).
    """

    threshold_dbfs: Db = -45.0
    pause_ms: Annotated[int, Field(ge=200, le=10_000)] = 900


class Turn(Part):
    """One thing it does (`say`, `press`, `hang_up`: exactly one) and what it waits for first (at most one):

    - `after: robot` (default): the robot's turn is over; with `nth` the nth turn since the entry before;
    - `after: line`: its own entry before is over; `after: answer`: the call was answered;
    - `over: robot`: the robot speaks;
    - `silence_s`: nobody has spoken for so long.

    `delay_ms` after that (for `over`: after the robot began, or after the entry before if it spoke on).
    """

    after: Literal["robot", "line", "answer"] | None = None
    over: Literal["robot"] | None = None
    silence_s: Annotated[float, Field(gt=0, le=600)] | None = None
    nth: Annotated[int, Field(ge=1, le=100)] = 1
    delay_ms: Ms = 0
    say: Line | None = None
    press: Annotated[StrictStr, Field(pattern=r"^[0-9*#A-D]{1,32}$")] | StrictInt | None = None
    hang_up: Literal[True] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _exactly_one(self, "say", "press", "hang_up")
        if self.say is not None:
            _speakable(self.say)
        if sum(trigger is not None for trigger in (self.after, self.over, self.silence_s)) > 1:
            raise ValueError("only one of after, over, silence_s can start a turn")
        if self.nth != 1 and (self.over or self.silence_s or self.after in ("line", "answer")):
            raise ValueError("nth counts turns of the robot: it goes with `after: robot` only")
        if self.silence_s is not None and self.delay_ms:
            raise ValueError("delay_ms does not go with silence_s")
        return self

    @property
    def trigger(self) -> Literal["robot", "line", "answer", "over", "silence"]:
        """What starts it."""
        if self.over:
            return "over"
        return "silence" if self.silence_s is not None else self.after or "robot"

    @property
    def keys(self) -> str:
        """What it presses, "" if nothing. YAML reads a bare 1 as a number."""
        return "" if self.press is None else str(self.press)


class Persona(Part):
    """A callee. `expect`: the outcome a correct robot records; for tests and measurements only, it never leaves this
    process. `then`: after the last turn hang up, or wait for the robot to; `repeat`: said at every later turn of the
    robot.
    """

    name: StrictStr
    folder: Path
    about: StrictStr
    expect: Disposition
    answer: Answer = Answer()
    voice: Speaker = Speaker()
    hearing: Hearing = Hearing()
    turns: Annotated[tuple[Turn, ...], Field(max_length=100)] = ()
    repeat: Line | None = None
    then: Literal["hang_up", "wait"] = "wait"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.repeat is not None:
            _speakable(self.repeat)
            if self.then == "hang_up":
                raise ValueError("repeat needs `then: wait`: nobody speaks after hanging up")
        if self.turns and not self.talks:
            raise ValueError("turns need an answered call: remove answer.never or answer.reject")
        if self.turns and self.turns[0].trigger == "line":
            raise ValueError("`after: line` needs an entry before it: use `after: answer`")
        return self

    @property
    def talks(self) -> bool:
        """Whether it takes the call."""
        return not (self.answer.never or self.answer.reject)

    @property
    def lines(self) -> tuple[str, ...]:
        """Everything it may say, in order."""
        return (*(turn.say for turn in self.turns if turn.say), *([self.repeat] if self.repeat else []))


def load(name_or_file: str | Path, folder: Path = FOLDER) -> Persona:
    """A persona by its shipped name (a file below `folder`) or its YAML file. Raises `PersonaError`."""
    file = _find(name_or_file, folder)
    called = str(name_or_file) if file == Path(name_or_file) else file.name
    given = {"name": file.stem, "folder": file.resolve().parent}
    what = "a persona is a mapping such as `about: …`"
    return read(file, Persona, given, name=called, what=what, parts=(Turn, Hearing, Speaker, Answer, Sound))[0]


def shipped(folder: Path = FOLDER) -> list[str]:
    """The names of the personas in a folder."""
    return sorted(file.stem for file in folder.glob("*.yaml"))


def _find(name_or_file: str | Path, folder: Path) -> Path:
    path = Path(name_or_file)
    if path.suffix in (".yaml", ".yml") or len(path.parts) != 1:
        if not path.is_file():
            raise PersonaError(f"{path}: no such file")
        return path
    file = folder / f"{path}.yaml"
    if not file.is_file():
        raise PersonaError(f"no persona {str(path)!r}: one of {', '.join(shipped(folder)) or 'none'}, or a YAML file")
    return file


def _exactly_one(part: Part, *names: str) -> None:
    given = [name for name in names if getattr(part, name) is not None]
    if len(given) != 1:
        raise ValueError(f"exactly one of {', '.join(names)} is needed, not {' and '.join(given) or 'none'}")
