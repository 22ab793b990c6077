"""Where a call can get to: every step is reached, every way ends, with an outcome, and nothing goes round for ever."""

from __future__ import annotations

from collections.abc import Iterator

from voicebot.flow.model import Branch, KeyValue
from voicebot.flow.rules.survey import Place, Survey, rings
from voicebot.flow.rules.walk import Walk


def inspect_rings(survey: Survey) -> None:
    """Steps that go to each other without listening, or for ever when nothing is said or understood."""
    steps = survey.script.steps
    for ring in rings({name: survey.onward(name) for name in steps}):
        survey.add(_way(survey, ring[-1], ring[0]), "endless", f"{' → '.join(_few([*ring, ring[0]]))} goes on for ever "
                   "without listening", "listen or end somewhere in between")  # fmt: skip
    for key, what, code in (
        ("no_input", "says nothing", "endless_silence"),
        ("not_understood", "is not understood", "endless_misses"),
    ):
        graph = {
            name: survey.onward(name) if step.listen is None else (getattr(step.listen, key).goto,)
            for name, step in steps.items()
        }
        for ring in rings(graph):
            if listening := [name for name in ring if steps[name].listen is not None]:
                place: Place = ("steps", listening[-1], "listen", key, "goto")
                survey.add(place, code, f"a callee who {what} is led round {' → '.join(_few([*ring, ring[0]]))}",
                           f"lead one `{key}` to a step that ends the call or hands it over")  # fmt: skip


def _few(names: list[str]) -> list[str]:
    return names if len(names) <= 6 else [*names[:3], "…", *names[-2:]]


def _way(survey: Survey, one: str, other: str) -> Place:
    """The place in a step that leads to another."""
    for i, fork in enumerate(survey.script.steps[one].branch):
        if fork.goto == other:
            return ("steps", one, "branch", i, "goto")
    return ("steps", one, "goto")


def inspect(survey: Survey, walk: Walk) -> None:
    """Every step is reached and left; the ways of last resort end; what is never used."""
    for name in survey.script.steps:
        if name not in walk.reached and ("steps", name) not in survey.borrowed:
            survey.add(("steps", name), "unreachable", f"no path leads to the step {name}",
                       "lead one there or remove it")  # fmt: skip
    for name, moods in walk.moods.items():
        if survey.script.steps[name].end and not all(mood.has_outcome for mood in moods):
            survey.add(("steps", name), "no_outcome", f"a call may end in {name} without an outcome",
                       "give the step, or every branch that leads to it, an `outcome`")  # fmt: skip
    _exits(survey, walk)
    _out_of_turns(survey)
    _ear_lost(survey)
    _unused(survey, walk)


def _exits(survey: Survey, walk: Walk) -> None:
    """Whether a call can come to an end from every step by what is said there, not only by being cut short."""
    before: dict[str, list[str]] = {}
    for name in walk.reached:
        following = {*survey.onward(name)}
        if (listen := survey.script.steps[name].listen) is not None:
            following |= {listen.no_input.goto, listen.not_understood.goto}
            following |= {branch.goto for branch in listen.branches if branch.goto is not None}
        for target in following:
            before.setdefault(target, []).append(name)
    exits = [name for name in walk.reached if survey.script.steps[name].end]
    leaving = set(exits)
    while exits:
        fresh = set(before.get(exits.pop(), ())) - leaving
        leaving |= fresh
        exits += fresh
    for name in survey.script.steps:
        if name in walk.reached and name not in leaving:
            survey.add(("steps", name), "no_exit", f"from {name} no way leads to an end of the call",
                       "lead a branch, no_input or not_understood to a step with `end: true`")  # fmt: skip


def chain(survey: Survey, start: str) -> Iterator[str]:
    """The steps that a call may pass through from one on, until it listens or ends."""
    seen = {start}
    todo = [start]
    while todo:
        name = todo.pop()
        yield name
        fresh = set(survey.onward(name)) - seen
        seen |= fresh
        todo += fresh


def _out_of_turns(survey: Survey) -> None:
    for name in chain(survey, survey.script.out_of_turns):
        if survey.script.steps[name].listen is not None:
            survey.add(("out_of_turns",), "endless", f"after max_turns the call still listens, in {name}",
                       "name a step that leads to `end`")  # fmt: skip
            return


def _ear_lost(survey: Survey) -> None:
    """Once the recogniser is lost only keys and silence lead on: no step on that way may wait for words alone."""
    script = survey.script
    if script.ear_lost is None:
        survey.warn(("out_of_turns",), "missing_ear_lost", "nothing is said when the recogniser is lost in the call",
                    "write `ear_lost: STEP`, a step that asks for keys or says goodbye")  # fmt: skip
        return
    by_key = _ByKey(survey)
    reached = {script.ear_lost}
    todo = [script.ear_lost]
    while todo:
        name = todo.pop()
        listen = script.steps[name].listen
        if listen is not None and not listen.keys:
            survey.add(("steps", name, "listen"), "deaf", f"{name} waits for words after the recogniser is lost",
                       "give it `keys`, or lead `ear_lost` elsewhere")  # fmt: skip
        fresh = {*survey.onward(name), *by_key.following(name)} - reached
        reached |= fresh
        todo += fresh


class _ByKey:
    """The steps that follow a step when nothing that is said is understood."""

    def __init__(self, survey: Survey) -> None:
        self._script = survey.script
        self._known: dict[tuple[int, str], tuple[set[str], bool]] = {}

    def following(self, name: str) -> Iterator[str]:
        if (listen := self._script.steps[name].listen) is None:
            return
        yield listen.no_input.goto
        yield listen.not_understood.goto
        for meaning in listen.keys.values():
            for branches in (self._script.urgent, listen.branches, self._script.anywhere):
                targets, is_taken = self._taken(branches, meaning)
                yield from targets
                if is_taken:
                    break

    def _taken(self, branches: tuple[Branch, ...], meaning: str | KeyValue) -> tuple[set[str], bool]:
        """(where a key leads by these branches, whether one of them surely takes it)."""
        word = meaning if isinstance(meaning, str) else f"{{{meaning.slot}}}"
        known = (id(branches), word)  # the lists live as long as the script
        if known not in self._known:
            self._known[known] = _taken_by(branches, meaning)
        return self._known[known]


def _taken_by(branches: tuple[Branch, ...], meaning: str | KeyValue) -> tuple[set[str], bool]:
    targets: set[str] = set()
    for branch in branches:
        if isinstance(meaning, KeyValue):
            is_heard = branch.given == meaning.slot and not branch.heard
        else:
            is_heard = meaning in branch.heard and not branch.given
        if not is_heard or branch.also:
            continue
        if branch.goto is not None:
            targets.add(branch.goto)
        if branch.when_identified is None and branch.at_most is None and not branch.same:
            return targets, True  # the first that fits is taken
    return targets, False


def _unused(survey: Survey, walk: Walk) -> None:
    for name in survey.prompts:
        if name not in walk.said and ("prompts", name) not in survey.borrowed:
            survey.warn(("prompts", name), "unused", f"the prompt {name} is never said", "say it or remove it")
    used = survey.slots_used()
    for name in survey.script.slots:
        if name not in used and ("slots", name) not in survey.borrowed:
            survey.warn(("slots", name), "unused", f"the slot {name} is never used", "use it or remove it")
