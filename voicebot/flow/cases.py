"""Regression cases of a script (`cases.yaml` beside it): what a callee says, and what must come of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, ValidationError

from voicebot.flow import document
from voicebot.flow.chat import Chat, HungUp, Turn, chat
from voicebot.flow.dialogue import Digit, EarLost, Silence
from voicebot.flow.loading import FLOWS, find, load
from voicebot.flow.model import Flow, Outcome, Part
from voicebot.flow.problems import FlowError, Problem
from voicebot.flow.sample import SAMPLE, contact
from voicebot.flow.vocabulary import ACCOUNT_WORDS
from voicebot.nlu.understanding import Understander

CASES = "cases.yaml"

_GESTURE = re.compile(r"（(静默|听不见|按([0-9*#])|挂断(?: ([a-z][a-z0-9_]*))?)）")


def turn(text: str) -> Turn:
    """A line as a case writes it: words, or （静默）, （按1）, （挂断）, （挂断 prompt）; （听不见）: deaf."""
    match = _GESTURE.fullmatch(text)
    if match is None:
        return text
    if match[1] in ("静默", "听不见"):
        return Silence() if match[1] == "静默" else EarLost()
    return Digit(match[2]) if match[2] else HungUp(match[3] or "")


class Case(Part):
    """One conversation and what it must give. `path`: the steps visited, all of them in order; `says` and `never_says`:
    prompts; `acts`: kinds, in order; `contact`: slots that differ from the sample's. That no account data is told
    before the identity is confirmed holds for every case.
    """

    name: str
    contact: Mapping[str, str] = Field(default_factory=dict)
    callee: tuple[str, ...]
    path: tuple[str, ...]
    disposition: Outcome | Annotated[str, Field(pattern="^hung_up$")]
    says: tuple[str, ...] = ()
    never_says: tuple[str, ...] = ()
    acts: tuple[str, ...] = ()


class Cases(Part):
    """A whole cases.yaml. `now`: the caller's clock in all of them."""

    now: Annotated[datetime, BeforeValidator(lambda v: datetime.fromisoformat(v) if isinstance(v, str) else v)]
    cases: Annotated[tuple[Case, ...], Field(min_length=1)]


def cases(path_or_name: str | Path, *, flows: Path = FLOWS) -> Cases:
    """Read a script's cases. Raises `FlowError` with the lines at fault."""
    file = find(path_or_name, flows=flows) / CASES
    doc = document.read(file, name=str(file), strings=True)
    try:
        return Cases.model_validate(doc.content)
    except ValidationError as error:
        raise FlowError(
            Problem(doc.file, doc.line_of(*e["loc"]), "case", f"{e['loc'][-1] if e['loc'] else 'cases'}: {e['msg']}",
                    "see docs/flows.md")
            for e in error.errors(include_url=False, include_input=False)
        ) from error  # fmt: skip


def run(case: Case, flow: Flow, contact: Mapping[str, str], understander: Understander, now: datetime) -> Chat:
    """Hold the conversation of a case."""
    return chat(flow, {**contact, **case.contact}, understander, map(turn, case.callee), now)


def differences(case: Case, held: Chat) -> Iterator[str]:
    """What a conversation gave that its case does not want, a line each; nothing when the case passes."""
    for what, wanted, got in (
        ("disposition", case.disposition, held.disposition.value),
        ("path", case.path, held.state.path),
        ("acts", case.acts, tuple(act.kind for act in held.acts)),
    ):
        if wanted != got:
            yield f"{what}: {wanted} wanted, {got} came"
    said = {line.prompt for line in held.lines}
    yield from (f"{prompt} was never said" for prompt in case.says if prompt not in said)
    yield from (f"{prompt} was said" for prompt in case.never_says if prompt in said)
    yield from leaks(held)


def leaks(held: Chat) -> Iterator[str]:
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


def replay(path_or_name: str | Path, understander: Understander, *, flows: Path = FLOWS) -> dict[str, list[str]]:
    """Run all cases of a script: what went wrong in each, by the case's name. Raises `FlowError`."""
    flow, all_cases = load(path_or_name, flows=flows), cases(path_or_name, flows=flows)
    base = contact(find(path_or_name, flows=flows) / SAMPLE, all_cases.now)
    return {
        case.name: list(differences(case, run(case, flow, base, understander, all_cases.now)))
        for case in all_cases.cases
    }
