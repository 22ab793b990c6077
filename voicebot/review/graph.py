"""A script as a graph: its steps and ends, and what leads from one to the next. What may be said at any moment stands
in boxes of its own instead of at every step.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from voicebot.flow.model import Branch, Fallback, Flow, KeyValue, ListenSpec, Script, Step
from voicebot.review import chinese

URGENT, ANYWHERE, ENGINE, QUESTIONS = "@urgent", "@anywhere", "@engine", "@questions"
_TITLE = 18  # characters of a step's own words that can stand for its title
NOTED = ""  # among an end's outcomes: whatever the call had reached before

Kind = Literal["step", "end", "urgent", "anywhere", "engine", "questions"]
Cause = Literal["heard", "data", "onward", "fallback", "engine"]


@dataclass(frozen=True, slots=True)
class Exit:
    """A way on: what leads there, and the node it leads to, "" where the call stays and asks again."""

    cause: Cause
    labels: tuple[str, ...]
    target: str

    @property
    def label(self) -> str:
        """All of its causes in one line."""
        return "、".join(self.labels)


@dataclass(frozen=True, slots=True)
class Node:
    """A step (`id` is its name) or one of the boxes above. `number`: its place in the conversation, 0 for a box;
    `says`: the first wording of what it says; `outcomes`: what a call that ends here may have for its outcome.
    """

    id: str
    kind: Kind
    number: int
    title: str
    says: tuple[str, ...] = ()
    exits: tuple[Exit, ...] = ()
    outcomes: tuple[str, ...] = ()
    discloses: bool = False


@dataclass(frozen=True)
class Graph:
    """Nodes in the order of the conversation, the boxes last."""

    start: str
    nodes: tuple[Node, ...]

    @cached_property
    def by_id(self) -> Mapping[str, Node]:
        """Each node by its id."""
        return {node.id: node for node in self.nodes}

    @property
    def edges(self) -> Iterator[tuple[Node, Exit]]:
        """Every way from one node to another (or back to the same)."""
        for node in self.nodes:
            yield from ((node, way) for way in node.exits if way.target)


def graph(flow: Flow) -> Graph:
    """The graph of a script."""
    script = flow.script
    exits = {name: _exits(script, step) for name, step in script.steps.items()}
    boxes = [box for box in (_urgent(script), _anywhere(script), _engine(script), _questions(script)) if box.exits]
    order = _conversation(script, exits, boxes)
    outcomes = _outcomes(script)
    steps = []
    for number, name in enumerate(order, 1):
        step = script.steps[name]
        found = outcomes[name] if step.end else ()
        says = tuple(chinese.wording(script, flow.prompts[p].wordings[0]) for p in step.say)
        title = step.about or "／".join(chinese.outcome(o) for o in found if o) or _first_words(says) or name
        discloses = any(flow.prompts[p].disclosure for p in step.say)
        steps.append(Node(name, "end" if step.end else "step", number, title, says, exits[name], found, discloses))
    return Graph(script.start, (*steps, *boxes))


def _first_words(says: tuple[str, ...]) -> str:
    words = says[0].rstrip("。！") if says else ""
    return words if len(words) <= _TITLE else words[: _TITLE - 1] + "…"


# ---------------------------------------------------------------- ways on


def _exits(script: Script, step: Step) -> tuple[Exit, ...]:
    ways = [Exit("data", (chinese.fork(script, fork),), fork.goto) for fork in step.branch]
    if step.goto is not None:
        ways.append(Exit("data", ("其他情况",), step.goto) if step.branch else Exit("onward", ("接着",), step.goto))
    if (listen := step.listen) is not None:
        ways += _heard(script, listen)
        ways.append(_fallback(chinese.SILENCE, listen.no_input))
        ways.append(_fallback(chinese.UNCLEAR, listen.not_understood))
    return _merged(ways)


def _heard(script: Script, listen: ListenSpec) -> list[Exit]:
    """The branches, each with the keys that stand for it; then the keys that something outside the step answers."""
    pressed: dict[int, list[str]] = {}
    others: list[Exit] = []
    for key, meaning in listen.keys.items():
        what = meaning.value if isinstance(meaning, KeyValue) else chinese.intent(meaning)
        told = f"按{key}"
        branch = answering(script, listen, key)
        own = next((i for i, b in enumerate(listen.branches) if b is branch), None)
        if own is not None:
            value = f"＝{what}" if isinstance(meaning, KeyValue) else ""
            pressed.setdefault(own, []).append(told + value)
        else:
            target = branch.goto if branch is not None else None
            others.append(Exit("heard", (f"{what}（{told}）",), target or ""))
    ways = [_branch(script, branch, pressed.get(i, ())) for i, branch in enumerate(listen.branches)]
    return ways + others


def answering(script: Script, listen: ListenSpec, key: str) -> Branch | None:
    """The branch that a key's meaning leads to; None where a question's answer or nothing does."""
    meaning = listen.keys[key]
    for branch in (*script.urgent, *listen.branches, *script.anywhere):
        if branch.also or (branch.given and not isinstance(meaning, KeyValue)):
            continue
        if isinstance(meaning, KeyValue):
            if branch.given == meaning.slot and not branch.heard and not branch.same:
                return branch
        elif meaning in branch.heard:
            return branch
    return None


def _branch(script: Script, branch: Branch, keys: Iterable[str] = ()) -> Exit:
    told = [*chinese.limits(branch), *keys]
    if branch.identified:
        told.append("身份核实")
    label = chinese.heard(script, branch) + (f"（{'，'.join(told)}）" if told else "")
    return Exit("heard", (label,), branch.goto or "")


def _fallback(what: str, fallback: Fallback) -> Exit:
    return Exit("fallback", (f"{what}{len(fallback.say) + 1}次" if fallback.say else what,), fallback.goto)


def _merged(ways: Iterable[Exit]) -> tuple[Exit, ...]:
    """One exit for everything that leads to the same place in the same manner, staying last."""
    merged: dict[tuple[bool, str], Exit] = {}
    for way in ways:
        key = (way.cause == "fallback", way.target)
        old = merged.get(key)
        labels = (*old.labels, *way.labels) if old is not None else way.labels
        merged[key] = Exit(old.cause if old is not None else way.cause, tuple(dict.fromkeys(labels)), way.target)
    leading = [way for way in merged.values() if way.target]
    return (*leading, *(way for way in merged.values() if not way.target))


# ---------------------------------------------------------------- boxes


def _urgent(script: Script) -> Node:
    ways = _merged(_branch(script, branch) for branch in script.urgent)
    return Node(URGENT, "urgent", 0, "任何时候，最优先", exits=ways)


def _anywhere(script: Script) -> Node:
    ways = _merged(_branch(script, branch) for branch in script.anywhere)
    return Node(ANYWHERE, "anywhere", 0, "任何时候，本步没有另作安排时", exits=ways)


def _engine(script: Script) -> Node:
    ways = [Exit("engine", (f"客户说满{script.max_turns}轮",), script.out_of_turns)]
    if script.ear_lost is not None:
        ways.append(Exit("engine", ("语音识别中断",), script.ear_lost))
    return Node(ENGINE, "engine", 0, "线路与时长", exits=_merged(ways))


def _questions(script: Script) -> Node:
    asked = tuple(chinese.intent(name) for name in script.answers)
    ways = (Exit("heard", asked, ""),) if asked else ()
    return Node(QUESTIONS, "questions", 0, "任何时候，客户提问：先回答，再问本步的问题", exits=ways)


# ---------------------------------------------------------------- order and outcomes


def _conversation(script: Script, exits: Mapping[str, tuple[Exit, ...]], boxes: Iterable[Node]) -> list[str]:
    """The steps as a call comes to them: what the start leads to, then what only boxes lead to; talk before ends."""
    ways = {name: [way.target for way in all_ if way.target] for name, all_ in exits.items()}
    found = onward(ways, [script.start])
    for box in boxes:
        for way in box.exits:
            if way.target and way.target not in found:
                found += [name for name in onward(ways, [way.target]) if name not in found]
    found += [name for name in script.steps if name not in found]
    return sorted(found, key=lambda name: script.steps[name].end)


def onward(ways: Mapping[str, list[str]], starts: Iterable[str]) -> list[str]:
    """Everything that can be reached, each before what follows from it wherever no way leads back; siblings in their
    order, what only a later start reaches before the rest.
    """
    done: list[str] = []
    seen: set[str] = set()
    for start in starts:
        if start in seen:
            continue
        seen.add(start)
        trail = [(start, list(ways.get(start, ())))]
        while trail:
            name, left = trail[-1]
            if not left:
                done.append(name)
                trail.pop()
            elif (following := left.pop()) not in seen:
                seen.add(following)
                trail.append((following, list(ways.get(following, ()))))
    return done[::-1]


def _outcomes(script: Script) -> Mapping[str, tuple[str, ...]]:
    """For every step the outcomes that a call may have reached when it is over there."""
    found: dict[str, dict[str, None]] = {name: {} for name in script.steps}
    todo: list[tuple[str, str]] = []

    def come(name: str, outcome: str) -> None:
        outcome = script.steps[name].outcome or outcome
        if outcome not in found[name]:
            found[name][outcome] = None
            todo.append((name, outcome))

    come(script.start, NOTED)
    for branch in (*script.urgent, *script.anywhere):
        if branch.goto is not None:
            come(branch.goto, branch.outcome or NOTED)
    for name in filter(None, (script.out_of_turns, script.ear_lost)):
        come(name, NOTED)
    while todo:
        name, outcome = todo.pop()
        step = script.steps[name]
        for target in (*(fork.goto for fork in step.branch), *((step.goto,) if step.goto else ())):
            come(target, outcome)
        if (listen := step.listen) is not None:
            come(listen.no_input.goto, outcome)
            come(listen.not_understood.goto, outcome)
            for branch in listen.branches:
                if branch.goto is not None:
                    come(branch.goto, branch.outcome or outcome)
                elif branch.outcome is not None:
                    come(name, branch.outcome)
    return {name: tuple(sorted(outcomes)) for name, outcomes in found.items()}
