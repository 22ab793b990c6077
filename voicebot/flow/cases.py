"""Regression cases of a script (`cases.yaml` beside it): what a callee says, and what must come of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Protocol

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError

from voicebot.flow import document
from voicebot.flow.advance import known_slots
from voicebot.flow.chat import Chat, HungUp, Line, Turn, chat
from voicebot.flow.dialogue import Act, Digit, EarLost, Silence, State
from voicebot.flow.dispositions import FROM_SCRIPT, Disposition
from voicebot.flow.loading import FLOWS, find
from voicebot.flow.model import Flow, Part
from voicebot.flow.problems import FlowError, Problem
from voicebot.flow.sample import dated
from voicebot.flow.vocabulary import ACCOUNT_WORDS, ACTS
from voicebot.nlu.understanding import Understander

CASES = "cases.yaml"

_OUTCOMES = frozenset({d.value for d in FROM_SCRIPT} | {Disposition.HUNG_UP.value})
_GESTURE = re.compile(r"（(静默|听不见|按([0-9*#])|挂断(?: ([a-z][a-z0-9_]*))?)）")


def turn(text: str) -> Turn:
    """A line as a case writes it: words, or （静默）, （按1）, （挂断）, （挂断 prompt）; （听不见）: deaf."""
    match = _GESTURE.fullmatch(text)
    if match is None:
        return text
    if match[1] in ("静默", "听不见"):
        return Silence() if match[1] == "静默" else EarLost()
    return Digit(match[2]) if match[2] else HungUp(match[3] or "")


def _outcome(word: str) -> str:
    if word not in _OUTCOMES:
        raise ValueError(f"there is no outcome {word!r}; there are: {', '.join(sorted(_OUTCOMES))}")
    return word


class Case(Part):
    """One conversation and what it must give. `path`: the steps visited, all of them in order; `says` and `never_says`:
    prompts; `never_says_before_identity`: prompts, or words in them, that nobody hears who has not confirmed to be the
    client; `acts`: kinds, in order; `slots`: values known at the end, whoever gave them; `disclosed`: disclosures
    played to their end; `contact`: slots that differ from the sample's. That no account data is told before the
    identity is confirmed holds for every case.
    """

    name: str
    contact: Mapping[str, str] = Field(default_factory=dict)
    callee: tuple[str, ...]
    path: tuple[str, ...]
    disposition: Annotated[str, AfterValidator(_outcome)]
    says: tuple[str, ...] = ()
    never_says: tuple[str, ...] = ()
    never_says_before_identity: tuple[str, ...] = ()
    acts: tuple[str, ...] = ()
    slots: Mapping[str, str] = Field(default_factory=dict)
    disclosed: tuple[str, ...] = ()


class Cases(Part):
    """A whole cases.yaml. `now`: the caller's clock in all of them."""

    now: Annotated[datetime, BeforeValidator(lambda v: datetime.fromisoformat(v) if isinstance(v, str) else v)]
    cases: Annotated[tuple[Case, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class CaseFile:
    """A cases.yaml with its name in messages and the line of each case."""

    name: str
    content: Cases
    lines: tuple[int, ...]


def read(folder: Path) -> CaseFile:
    """Read the cases in a script's folder. Raises `FlowError` with the lines at fault."""
    doc = document.read(folder / CASES, name=document.shown(folder / CASES), strings=True)
    try:
        content = Cases.model_validate(doc.content)
    except ValidationError as error:
        raise FlowError(_complaints(error, doc)) from error
    return CaseFile(doc.file, content, tuple(doc.line_of("cases", i) for i in range(len(content.cases))))


def _complaints(error: ValidationError, doc: document.Document) -> Iterator[Problem]:
    for detail in error.errors(include_url=False, include_input=False):
        place = detail["loc"]
        what = next((part for part in reversed(place) if isinstance(part, str)), "cases")
        message = detail["msg"].removeprefix("Value error, ")
        yield Problem(doc.file, doc.line_of(*place), "case", f"{what}: {message}", "see docs/flows.md")


def cases(path_or_name: str | Path, *, flows: Path = FLOWS) -> Cases:
    """A script's cases. Raises `FlowError` with the lines at fault."""
    return read(find(path_or_name, flows=flows)).content


def run(case: Case, flow: Flow, contact: Mapping[str, str], understander: Understander, now: datetime) -> Chat:
    """Hold the conversation of a case. Raises `SlotError`."""
    return chat(flow, contact_of(case, contact, now), understander, map(turn, case.callee), now)


def contact_of(case: Case, contact: Mapping[str, str], now: datetime) -> dict[str, str]:
    """The client of a case: the sample's data with the case's own; T+n counts from `now`."""
    return {**contact, **{slot: dated(value, now) for slot, value in case.contact.items()}}


class Conversation(Protocol):
    """What a case is held against: a `Chat`, or a call over the telephone."""

    @property
    def flow(self) -> Flow: ...  # noqa: D102 - see Chat
    @property
    def state(self) -> State: ...  # noqa: D102
    @property
    def disposition(self) -> Disposition: ...  # noqa: D102
    @property
    def acts(self) -> Sequence[Act]: ...  # noqa: D102
    @property
    def lines(self) -> Sequence[Line]: ...  # noqa: D102


def differences(case: Case, held: Conversation) -> Iterator[str]:
    """What a conversation gave that its case does not want, a line each; nothing when the case passes."""
    for what, wanted, got in (
        ("disposition", (case.disposition,), (held.disposition.value,)),
        ("path", case.path, held.state.path),
        ("acts", case.acts, tuple(act.kind for act in held.acts)),
    ):
        if wanted != got:
            yield f"{what}: {' → '.join(wanted) or 'none'} wanted, {' → '.join(got) or 'none'} came"
    said = {line.prompt for line in held.lines}
    yield from (f"{prompt} was never said" for prompt in case.says if prompt not in said)
    yield from (f"{prompt} was said" for prompt in case.never_says if prompt in said)
    yield from (f"{name} was not disclosed to its end" for name in case.disclosed if name not in held.state.disclosed)
    yield from _slots(case, held)
    yield from _too_early(case, held)
    yield from leaks(held)
    yield from _names(case, held.flow)


def _slots(case: Case, held: Conversation) -> Iterator[str]:
    known = known_slots(held.flow, held.state)
    for name, wanted in case.slots.items():
        if name in held.flow.script.slots and known.get(name) != (as_kept := canonical(held.flow, name, wanted)):
            yield f"slot {name}: {as_kept} wanted, {known.get(name, 'nothing')} known"


def canonical(flow: Flow, slot: str, value: str) -> str:
    """A value as the robot keeps it; as it stands where it has no such form (a callee's day without an hour)."""
    try:
        return flow.script.slots[slot].canonical(value)
    except ValueError:
        return value


def _too_early(case: Case, held: Conversation) -> Iterator[str]:
    for line in held.lines:
        if line.role == "robot" and not line.identified:
            for told in case.never_says_before_identity:
                if told == line.prompt or (told not in held.flow.prompts and told in line.text):
                    where = "" if told == line.prompt else f" ({line.prompt})"
                    yield f"before identity {told} was said{where}"


def _names(case: Case, flow: Flow) -> Iterator[str]:
    """Names that the script does not have: what is never there would never fail."""
    script = flow.script
    for key, kind, there_are in (
        ("never_says", "prompt", flow.prompts),
        ("slots", "slot", script.slots),
        ("disclosed", "disclosure", script.disclosures),
        ("acts", "act", ACTS),
    ):
        yield from (f"{key}: there is no {kind} {name}" for name in getattr(case, key) if name not in there_are)


def leaks(held: Conversation) -> Iterator[str]:
    """Account data told to somebody who had not confirmed to be the client, a line each. What the script sets is no
    data: its 是 and 否 are in everything that is said.
    """
    specs = held.flow.script.slots
    private = [
        written.written
        for name, value in held.state.slots.items()
        if specs[name].source != "script"
        and not specs[name].before_identity
        and (written := held.flow.value(name, value))
    ]
    for line in held.lines:
        if line.role == "robot" and not line.identified:
            told = [words for words in (*private, *ACCOUNT_WORDS) if words in line.text]
            if told:
                yield f"before identity {line.prompt} told {told[0]}"
