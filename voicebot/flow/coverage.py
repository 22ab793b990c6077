"""Which steps and branches of a script its cases go through, and which nobody has tried yet.

`State.path` holds the steps of a call, `State.taken` the branches, answers, fallbacks and forks; `places` gives all
that a script has, under the same names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from voicebot.flow import document, include
from voicebot.flow.document import Document
from voicebot.flow.loading import FLOWS, SCRIPT
from voicebot.flow.model import Branch, Fallback, Flow, Fork, ListenSpec
from voicebot.flow.problems import Problem
from voicebot.flow.rules.precedence import never_taken


@dataclass(frozen=True, slots=True)
class Place:
    """One way that a call may take. `key`: its name in `State.taken`, of a step its name; `at`: where it lies in the
    script's YAML; `label`: what it is, for readers.
    """

    key: str
    kind: Literal["step", "branch"]
    at: tuple[str | int, ...]
    label: str


@dataclass(frozen=True, slots=True)
class Share:
    """How many of `of` were taken."""

    taken: int
    of: int

    @property
    def percent(self) -> float:
        """0–100; of nothing, everything was taken."""
        return 100 * self.taken / self.of if self.of else 100.0


@dataclass(frozen=True, slots=True)
class Coverage:
    """The places of a script and which of them were `taken`."""

    places: tuple[Place, ...]
    taken: frozenset[str]

    @property
    def missing(self) -> tuple[Place, ...]:
        """What nobody has tried, in the script's order."""
        return tuple(place for place in self.places if place.key not in self.taken)

    @property
    def steps(self) -> Share:
        """Of the steps."""
        return self._share("step")

    @property
    def branches(self) -> Share:
        """Of everything else: branches, answers, fallbacks, forks."""
        return self._share("branch")

    @property
    def percent(self) -> float:
        """The lesser of both."""
        return min(self.steps.percent, self.branches.percent)

    def _share(self, kind: str) -> Share:
        keys = {place.key for place in self.places if place.kind == kind}
        return Share(len(keys & self.taken), len(keys))

    def problems(self, doc: Document) -> list[Problem]:
        """What nobody has tried, as warnings with its line. `doc`: the script's (`source`)."""
        fix = "add a case that goes there to cases.yaml"
        return [
            Problem(*doc.at(*place.at), f"untested_{place.kind}", f"no case takes {place.key} ({place.label})", fix,
                    "warning")
            for place in self.missing
        ]  # fmt: skip


def coverage(flow: Flow, taken: Iterable[str]) -> Coverage:
    """`taken`: the `path` and `taken` of every call together."""
    return Coverage(tuple(places(flow)), frozenset(taken))


def source(folder: Path) -> Document:
    """The script as YAML with its shared parts in it, to find lines by. Raises `FlowError`."""
    file = folder / SCRIPT
    return include.merge(document.read(file, name=document.shown(file)), (folder.resolve().parent, FLOWS)).doc


def places(flow: Flow) -> Iterator[Place]:
    """Everything that a call can take. What is only said when an outcome's disclosure is missing, `out_of_turns` and
    `ear_lost` are no places of their own: the steps they lead to are.
    """
    script = flow.script
    never = set(never_taken(script))
    for list_, branches in (("urgent", script.urgent), ("anywhere", script.anywhere)):
        for i, branch in enumerate(branches):
            if (list_, i) in never:
                continue  # the script hears first what this branch of a shared part waits for
            yield Place(f"{list_}:{i}", "branch", (list_, i), _of_branch(branch))
    for intent, answer in script.answers.items():
        at = ("answers", intent)
        yield Place(f"answers:{intent}", "branch", at, f"says {', '.join(answer.say)}")
        if answer.before_identity:
            said = ", ".join(answer.before_identity)
            yield Place(
                f"answers:{intent}:before_identity", "branch", (*at, "before_identity"), f"not identified, says {said}"
            )
    for name, step in script.steps.items():
        yield Place(name, "step", ("steps", name), step.about or "a step")
        for i, fork in enumerate(step.branch):
            yield Place(f"{name}:branch:{i}", "branch", ("steps", name, "branch", i), _of_fork(fork))
        if step.branch:
            yield Place(f"{name}:branch:goto", "branch", ("steps", name, "goto"), f"no fork fits → {step.goto}")
        if step.listen is not None:
            yield from _of_listen(name, step.listen)


def _of_listen(name: str, listen: ListenSpec) -> Iterator[Place]:
    at = ("steps", name, "listen")
    for i, branch in enumerate(listen.branches):
        yield Place(f"{name}:{i}", "branch", (*at, "branches", i), _of_branch(branch))
    fallbacks: tuple[tuple[str, str, Fallback], ...] = (
        ("no_input", "silence", listen.no_input),
        ("not_understood", "not understood", listen.not_understood),
    )
    for kind, what, fallback in fallbacks:
        for times, prompt in enumerate(fallback.say, 1):
            label = f"{what}, time {times}, says {prompt}"
            yield Place(f"{name}:{kind}:{times}", "branch", (*at, kind, "say", times - 1), label)
        label = f"{what}, time {len(fallback.say) + 1} → {fallback.goto}"
        yield Place(f"{name}:{kind}:goto", "branch", (*at, kind, "goto"), label)


def _of_branch(branch: Branch) -> str:
    """As "heard give_plan/will_do, given plan_amount → confirm_amount"."""
    told = [f"heard {'/'.join(branch.heard)}"] if branch.heard else []
    told += [f"with {'/'.join(branch.also)}"] if branch.also else []
    told += [f"{'same' if branch.same else 'given'} {branch.given}"] if branch.given else []
    if branch.when_identified is not None:
        told.append("identified" if branch.when_identified else "not identified")
    if branch.goto is not None:
        follows = branch.goto
    elif branch.wait_s is not None:
        follows = f"waits {branch.wait_s:g} s"
    else:
        follows = "says it again" if branch.repeat else "asks again"
    return f"{', '.join(told)} → {follows}"


def _of_fork(fork: Fork) -> str:
    if fork.known is not None:
        when = "known" if fork.known else "not known"
    elif fork.is_:
        when = f"is {'/'.join(fork.is_)}"
    else:
        when = f"below {fork.below}" if fork.below else f"at least {fork.at_least}"
    return f"{fork.slot} {when} → {fork.goto}"
