"""A script laid out for its inspectors: every branch, every place that speaks, and the list of what they find."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from voicebot.flow.document import Document
from voicebot.flow.model import ActSpec, Branch, ListenSpec, Prompt, Script
from voicebot.flow.problems import Problem

Place = tuple[str | int, ...]

# Looking for what an author may have meant is slow: so many comparisons of names are made in one script.
_MOST_COMPARISONS = 50_000


@dataclass(slots=True)
class Survey:
    """A well-shaped script under inspection. `doc`: where its lines are; `borrowed`: the places that came with shared
    parts, where it is no mistake that something is not used; `found`: the problems so far, each once.
    """

    script: Script
    prompts: Mapping[str, Prompt]
    doc: Document
    borrowed: Collection[Place] = ()
    found: dict[Problem, None] = field(default_factory=dict)
    _compared: int = 0

    def add(self, place: Place, code: str, message: str, fix: str, severity: str = "error") -> None:
        """Note a mistake."""
        self.found.setdefault(Problem(*self.doc.at(*place), code, message, fix, severity))

    def warn(self, place: Place, code: str, message: str, fix: str) -> None:
        """Note what is probably a mistake, but harms nobody."""
        self.add(place, code, message, fix, "warning")

    @property
    def has_errors(self) -> bool:
        """Whether anything found so far forbids the use of the script."""
        return any(problem.severity == "error" for problem in self.found)

    def line(self, place: Place, seen_from: Place) -> str:
        """How a message at one place names another: by its line, and by its file if that is another."""
        file, line = self.doc.at(*place)
        return f"line {line}" if file == self.doc.at(*seen_from)[0] else f"{file}:{line}"

    def named(self, place: Place, kind: str, name: str, there_are: Mapping[str, object]) -> None:
        """A name must be one of a kind."""
        if name in there_are:
            return
        fix = f"write the {kind} or name another"
        if self._compared < _MOST_COMPARISONS:
            self._compared += len(there_are)
            close = get_close_matches(name[:60], there_are, 1)
            fix = f"did you mean {close[0]}?" if close else fix
        code = "undefined_slot" if kind == "slot" else f"unknown_{kind}"
        self.add(place, code, f"there is no {kind} {name}", fix)

    # ------------------------------------------------------------ what is there

    def listens(self) -> Iterator[tuple[str, ListenSpec]]:
        """The steps that listen."""
        return ((name, step.listen) for name, step in self.script.steps.items() if step.listen is not None)

    def everywhere(self) -> Iterator[tuple[Place, Branch]]:
        """The branches that belong to no step."""
        for list_ in ("urgent", "anywhere"):
            yield from (((list_, i), branch) for i, branch in enumerate(getattr(self.script, list_)))

    def branches(self) -> Iterator[tuple[Place, Branch]]:
        """All branches."""
        yield from self.everywhere()
        for name, listen in self.listens():
            for i, branch in enumerate(listen.branches):
                yield ("steps", name, "listen", "branches", i), branch

    def speakers(self) -> Iterator[tuple[Place, tuple[str, ...], tuple[ActSpec, ...]]]:
        """Every place that says prompts or acts."""
        for place, branch in self.branches():
            yield (*place, "say"), branch.say, branch.do
        for intent, answer in self.script.answers.items():
            yield ("answers", intent, "say"), answer.say, answer.do
            yield ("answers", intent, "before_identity"), answer.before_identity, ()
        for name, step in self.script.steps.items():
            yield ("steps", name, "say"), step.say, step.do
        for name, listen in self.listens():
            inside: Place = ("steps", name, "listen")
            yield (*inside, "ask_again"), listen.ask_again, ()
            yield (*inside, "no_input", "say"), listen.no_input.say, ()
            yield (*inside, "not_understood", "say"), listen.not_understood.say, ()

    def settings(self) -> Iterator[tuple[Place, Mapping[str, str]]]:
        """Every place that sets slots."""
        for place, branch in self.branches():
            yield (*place, "set"), branch.set
        for name, step in self.script.steps.items():
            yield ("steps", name, "set"), step.set

    def onward(self, name: str) -> tuple[str, ...]:
        """The steps that a step leads to by itself."""
        step = self.script.steps[name]
        return (*(fork.goto for fork in step.branch), *((step.goto,) if step.goto is not None else ()))

    def slots_used(self) -> set[str]:
        """The slots that anything says, carries, compares or decides by."""
        used = {slot for p in self.prompts.values() for w in (*p.wordings, *p.otherwise) for slot in w.slots}
        used |= {slot for _, _, acts in self.speakers() for act in acts for slot in act.slots}
        used |= {branch.given for _, branch in self.branches()} | {s.below for s in self.script.slots.values()}
        used |= {o for s in self.script.slots.values() for o in (*s.needed_when, *s.below_when)}
        for step in self.script.steps.values():
            used |= {slot for fork in step.branch for slot in (fork.slot, fork.below, fork.at_least)}
        if self.script.suitability is not None:
            used |= set(self.script.suitability.model_dump().values())
        return used


def rings(graph: Mapping[str, Collection[str]]) -> Iterator[list[str]]:
    """Rings of a graph, each name in at most one of them: names that lead back to the first. Work grows with the size
    of the graph.
    """
    done: set[str] = set()
    told: set[str] = set()
    for start in graph:
        if start in done:
            continue
        trail, on_trail = [start], {start: 0}
        ways = [iter(graph[start])]
        while trail:
            following = next(ways[-1], None)
            if following is None:
                on_trail.pop(trail[-1])
                done.add(trail.pop())
                ways.pop()
            elif following in on_trail:
                if following not in told and trail[-1] not in told:
                    ring = trail[on_trail[following] :]
                    told.update(ring)
                    yield ring
            elif following not in done and following in graph:
                on_trail[following] = len(trail)
                trail.append(following)
                ways.append(iter(graph[following]))
