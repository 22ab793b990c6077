"""Every way a call may take through a script, followed once: which steps it comes to, in what state, and what it can
say there.

What may be said at any moment (`urgent`, `anywhere`, `answers`) is followed once for each state of the call, not once
for each step, so that the work grows with the size of the script and not with its square.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from voicebot.flow.model import Branch, ListenSpec
from voicebot.flow.rules.survey import Place, Survey


class Mood(NamedTuple):
    """What of a call's past matters. `told`: whether the disclosure that is looked for was said."""

    identified: bool = False
    has_outcome: bool = False
    told: bool = False


class _Node(NamedTuple):
    """A call somewhere on its way. `entered`: the step's own prompts are said (not when it goes on listening)."""

    step: str
    mood: Mood
    entered: bool


@dataclass(slots=True)
class Walk:
    """All ways from the start, with `ear_lost` also those after the recogniser failed. `disclosure`: when given, only
    ways are followed on which no outcome that needs it is reached before it was said, and moods tell whether it was;
    otherwise outcomes are followed.
    """

    survey: Survey
    disclosure: str = ""
    ear_lost: bool = True
    moods: dict[str, set[Mood]] = field(default_factory=dict)  # step → when it listens or ends
    everywhere: set[Mood] = field(default_factory=set)  # in which anything at all is listened to
    said: dict[str, set[bool]] = field(default_factory=dict)  # prompt → whether identified when it is said
    first_step: dict[str, str] = field(default_factory=dict)  # prompt → a step that may say it before identity
    reached: set[str] = field(default_factory=set)
    _staying: dict[Mood, set[tuple[Mood, bool]]] = field(default_factory=dict)
    _needed: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, prompt in self.survey.prompts.items():
            if prompt.disclosure:
                self._needed.setdefault(prompt.disclosure, []).append(name)
        first = _Node(self.survey.script.start, Mood(), entered=True)
        seen = {first}
        todo = [first]
        while todo:
            for node in self._follow(todo.pop()):
                if node not in seen:
                    seen.add(node)
                    todo.append(node)

    def _follow(self, node: _Node) -> Iterator[_Node]:
        step = self.survey.script.steps[node.step]
        mood = node.mood
        self.reached.add(node.step)
        if node.entered:
            self._say(step.say, mood.identified, node.step)
            mood = self._after(mood, step.say, step.outcome)
        for onward in self.survey.onward(node.step):
            yield _Node(onward, mood, entered=True)
        if step.goto is not None:
            return
        self.moods.setdefault(node.step, set()).add(mood)
        if step.listen is not None:
            yield from self._listen(node.step, step.listen, mood)

    def _listen(self, name: str, listen: ListenSpec, mood: Mood) -> Iterator[_Node]:
        self._say(listen.ask_again, mood.identified, name)
        for fallback in (listen.no_input, listen.not_understood):
            self._say(fallback.say, mood.identified, name)
            yield _Node(fallback.goto, self._after(mood, fallback.say), entered=True)
        if mood not in self.everywhere:
            self.everywhere.add(mood)
            yield from self._anywhere(name, mood)
        staying = list(self._staying[mood])
        for branch in listen.branches:
            for after in self._take(name, branch, mood):
                if branch.goto is not None:
                    yield _Node(branch.goto, after, entered=True)
                else:
                    staying.append((after, branch.ask_again))
        for after, asks in staying:
            yield _Node(name, self._after(after, listen.ask_again) if asks else after, entered=False)

    def _anywhere(self, name: str, mood: Mood) -> Iterator[_Node]:
        """What may come in a mood, whichever step is listening. `name`: the first one that does."""
        script = self.survey.script
        yield _Node(script.out_of_turns, mood, entered=True)
        if script.ear_lost is not None and self.ear_lost:
            yield _Node(script.ear_lost, mood, entered=True)
        staying = self._staying.setdefault(mood, set())
        for _, branch in self.survey.everywhere():
            for after in self._take(name, branch, mood):
                if branch.goto is not None:
                    yield _Node(branch.goto, after, entered=True)
                else:
                    staying.add((after, branch.ask_again))
        for answer in script.answers.values():
            says = answer.say if mood.identified or not answer.before_identity else answer.before_identity
            self._say(says, mood.identified, name)
            staying.add((self._after(mood, says), True))

    def _take(self, name: str, branch: Branch, mood: Mood) -> Iterator[Mood]:
        """The mood after a branch; none if it cannot be taken in this one."""
        if not takes(branch, mood):
            return
        identified = mood.identified if branch.identified is None else branch.identified
        needing = [d for d, spec in self.survey.script.disclosures.items() if branch.outcome in spec.needed_for]
        if self.disclosure in needing and not mood.told:
            return
        self._say(branch.say, identified, name)
        if not self.disclosure:
            for disclosure in needing:
                # The robot says a missing disclosure before it lets such an outcome count.
                self._say(self._needed.get(disclosure, ()), identified, name)
        yield self._after(mood._replace(identified=identified), branch.say, branch.outcome)

    def _after(self, mood: Mood, says: Iterable[str], outcome: str | None = None) -> Mood:
        if self.disclosure:
            told = mood.told or any(self.survey.prompts[p].disclosure == self.disclosure for p in says)
            return mood._replace(told=told)
        return mood._replace(has_outcome=mood.has_outcome or outcome is not None)

    def _say(self, prompts: Iterable[str], identified: bool, step: str) -> None:
        for prompt in prompts:
            self.said.setdefault(prompt, set()).add(identified)
            if not identified:
                self.first_step.setdefault(prompt, step)

    def moods_at(self, place: Place) -> set[Mood]:
        """The moods in which the branch at a place is listened for."""
        return self.moods.get(str(place[1]), set()) if place[0] == "steps" else self.everywhere


def takes(branch: Branch, mood: Mood) -> bool:
    """Whether a branch may be taken in a mood."""
    return branch.when_identified in (None, mood.identified)
