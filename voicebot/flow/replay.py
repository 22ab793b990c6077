"""A script held against all its cases in text: what went wrong in each, and what nobody has tried."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from voicebot.flow import cases
from voicebot.flow.cases import Case, CaseFile
from voicebot.flow.chat import Line
from voicebot.flow.coverage import Coverage, coverage, source
from voicebot.flow.dialogue import State
from voicebot.flow.document import Document
from voicebot.flow.loading import FLOWS, find, load
from voicebot.flow.model import Flow
from voicebot.flow.problems import SlotError
from voicebot.flow.sample import SAMPLE, contact
from voicebot.nlu.understanding import Understander


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One case tried. `line`: of the case in its file; `transcript`: what was said; `skipped`: why it was not tried;
    `notes`: what is worth knowing and no failure by itself, such as a line heard otherwise.
    """

    case: Case
    line: int
    differences: tuple[str, ...] = ()
    transcript: tuple[str, ...] = ()
    seconds: float = 0.0
    skipped: str = ""
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether everything came as the case wants it."""
        return not self.differences and not self.skipped


@dataclass(frozen=True, slots=True)
class FlowResult:
    """A script tried. `file`: its cases; `doc`: where the lines of what is covered lie."""

    flow: Flow
    file: str
    results: tuple[CaseResult, ...]
    coverage: Coverage
    doc: Document

    @property
    def failed(self) -> tuple[CaseResult, ...]:
        """The cases that did not pass."""
        return tuple(result for result in self.results if result.differences)


@dataclass(frozen=True, slots=True)
class Tryable:
    """A script with everything that its cases need. `contact`: the sample's slots at the cases' clock."""

    folder: Path
    flow: Flow
    file: CaseFile
    contact: Mapping[str, str]

    def chosen(self, only: str = "") -> Iterator[tuple[Case, int]]:
        """The cases whose name holds `only`, with their lines."""
        pairs = zip(self.file.content.cases, self.file.lines, strict=True)
        return ((case, line) for case, line in pairs if only in case.name)

    def result(self, results: Sequence[CaseResult], states: Sequence[State]) -> FlowResult:
        """Put together what came of the cases. Raises `FlowError`."""
        taken = {key for state in states for key in (*state.path, *state.taken)}
        return FlowResult(
            self.flow, self.file.name, tuple(results), coverage(self.flow, taken), source(self.folder)
        )  # fmt: skip


def tryable(path_or_name: str | Path, *, flows: Path = FLOWS) -> Tryable:
    """Read a script, its cases and its sample contact (which may be missing where every case brings its own). Raises
    `FlowError`.
    """
    folder = find(path_or_name, flows=flows)
    file = cases.read(folder)
    sample = folder / SAMPLE
    slots = contact(sample, file.content.now) if sample.is_file() else {}
    return Tryable(folder, load(folder, flows=flows), file, slots)


def replay(path_or_name: str | Path, understander: Understander, *, flows: Path = FLOWS, only: str = "") -> FlowResult:
    """Hold the conversations of all cases, or of those whose name holds `only`. Raises `FlowError`."""
    script = tryable(path_or_name, flows=flows)
    now = script.file.content.now
    results: list[CaseResult] = []
    states: list[State] = []
    for case, line in script.chosen(only):
        began = time.perf_counter()
        try:
            held = cases.run(case, script.flow, script.contact, understander, now)
        except SlotError as error:
            results.append(CaseResult(case, line, (str(error),)))
            continue
        found = tuple(cases.differences(case, held))
        spent = time.perf_counter() - began
        results.append(CaseResult(case, line, found, tuple(map(as_text, held.lines)), spent))
        states.append(held.state)
    return script.result(results, states)


def as_text(line: Line) -> str:
    """A line of a transcript with the prompt it is, or the intents heard in it."""
    if line.role == "robot":
        return f"机器人 {line.text} [{line.prompt}]"
    return f"客户　 {line.text}" + (f" ({', '.join(line.intents)})" if line.intents else "")
