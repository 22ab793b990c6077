"""A switchboard 总机: one softphone that is another callee at each number, or at each call to a number, such as busy
first and answered then. Read from YAML, checked; docs/softphone.md describes it for authors.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import BeforeValidator, Discriminator, Field, StrictStr, Tag, model_validator

from sip.endings import cause_of
from sip.line import Cause
from voicebot.flow.dispositions import Disposition
from voicebot.softphone.fault import PersonaError
from voicebot.softphone.persona import FOLDER, Answer, Persona, Sound, load
from voicebot.softphone.reading import Part, read
from voicebot.store.number import canonical

# What a correct robot records, said here a second time on purpose: a measurement must not ask the robot.
_EXPECTED: Final = {
    Cause.BUSY: Disposition.BUSY,
    Cause.NO_ANSWER: Disposition.NO_ANSWER,
    Cause.REJECTED: Disposition.REJECTED,
    Cause.WRONG_NUMBER: Disposition.EMPTY_NUMBER,
    Cause.UNREACHABLE: Disposition.UNREACHABLE,
    Cause.FAULT: Disposition.FAULT,
}


class Failure(Answer):
    """A call that nobody takes: an `Answer` with `reject` or `never`."""

    @model_validator(mode="after")
    def _fails(self) -> Self:
        if self.reject is None and not self.never:
            raise ValueError("reject or never is needed; who takes the call is a persona: write its name")
        return self


def _in_a_list(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]


def _is_failure(value: Any) -> str:
    return "failure" if isinstance(value, dict | Failure) else "persona"


_Entry = Annotated[
    Annotated[StrictStr, Tag("persona")] | Annotated[Failure, Tag("failure")], Discriminator(_is_failure)
]
# One for each call to the number; the last one also takes all later ones.
_Entries = Annotated[tuple[_Entry, ...], BeforeValidator(_in_a_list), Field(min_length=1, max_length=100)]


class _File(Part):
    about: StrictStr = ""
    numbers: Annotated[dict[str, _Entries], Field(max_length=10_000)] = Field(default_factory=dict)
    otherwise: _Entries = (Failure(reject=404),)


@dataclass(frozen=True, slots=True)
class Board:
    """Who answers. `numbers`: by the number called, in its one spelling (`voicebot.store.number`), the personas of its
    first, second … call, the last one for all later ones too; `otherwise`: the same for every number that is not there.
    """

    name: str
    otherwise: tuple[Persona, ...]
    numbers: Mapping[str, tuple[Persona, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, persona: Persona) -> Board:
        """One callee at every number."""
        return cls(persona.name, (persona,))

    @property
    def personas(self) -> tuple[Persona, ...]:
        """Everybody who may answer, each once."""
        return tuple(dict.fromkeys(persona for turns in (*self.numbers.values(), self.otherwise) for persona in turns))

    def answering(self, called: str, nth: int) -> Persona:
        """Who takes the nth call (1, 2, …) to the number or name `called`."""
        turns = self.numbers.get(canonical(called), self.otherwise)
        return turns[min(nth, len(turns)) - 1]


def load_board(file: Path, personas: Path = FOLDER) -> Board:
    """A board from its YAML. A persona is named as on the command line (a name below `personas`), or by a YAML file
    beside the board's own. Raises `PersonaError` with file and line.
    """
    if not file.is_file():
        raise PersonaError(f"{file}: no such file")
    what = "a board is a mapping such as `numbers: {16200000001: cooperative}`"
    given, document = read(file, _File, {}, name=str(file), what=what, parts=(Failure, Sound))

    def personas_of(entries: tuple[str | Failure, ...], *place: str) -> Iterator[Persona]:
        for n, entry in enumerate(entries):
            try:
                yield _failing(entry, file) if isinstance(entry, Failure) else _named(entry, file, personas)
            except PersonaError as error:
                raise PersonaError(f"{file}:{document.line_of(*place, n)}: {error}") from error

    numbers: dict[str, tuple[Persona, ...]] = {}
    for number, entries in given.numbers.items():
        if (known := canonical(number)) in numbers:
            line = document.line_of("numbers", number)
            raise PersonaError(f"{file}:{line}: {number} stands here already in another spelling: keep one")
        numbers[known] = tuple(personas_of(entries, "numbers", number))
    return Board(file.stem, tuple(personas_of(given.otherwise, "otherwise")), numbers)


def _named(name: str, file: Path, personas: Path) -> Persona:
    return load(file.parent / name, personas) if name.endswith((".yaml", ".yml")) else load(name, personas)


def _failing(failure: Failure, file: Path) -> Persona:
    code = failure.reject
    return Persona(
        name="never_answers" if code is None else f"rejects_{code}",
        folder=file.resolve().parent,
        about="无人接听" if code is None else f"以 {code} 结束",
        expect=Disposition.NO_ANSWER if code is None else _EXPECTED[cause_of(code)],
        answer=failure,
    )
