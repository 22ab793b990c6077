"""What a well-formed script must still obey: everything it names exists, every path ends, and nothing is said that the
trade or the law forbids. Paths are followed through every step, before and after the identity check.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from voicebot.flow.dispositions import NEED_DISCLOSURE
from voicebot.flow.document import Document
from voicebot.flow.model import ActSpec, Branch, Fork, KeyValue, Prompt, Script, SlotSpec, Wording
from voicebot.flow.problems import Problem
from voicebot.flow.vocabulary import ACCOUNT_WORDS, PITCH_WORDS, banned_in

# Measured: the embedded voice at its normal rate spoke the prompts of margin_call at 3.3–4.4 syllables a second, pauses
# counted.
SYLLABLES_PER_S = 3.8
LONGEST_PROMPT_S = 12.0
LONGEST_DISCLOSURE_S = 25.0
# Syllables a value usually takes, by type: 王建国, 十二万三千四百五十六元, 百分之一百二十八点五零 …
_SYLLABLES = {
    "name": 3, "title": 2, "money": 7, "percent": 8, "date": 7, "full_date": 12, "time": 4, "datetime": 10, "digits": 8,
}  # fmt: skip

Place = tuple[str | int, ...]


def problems(
    script: Script, prompts: Mapping[str, Prompt], doc: Document, borrowed: Collection[Place] = ()
) -> list[Problem]:
    """All mistakes in a script that has the right shape. `doc`: where its lines are; `borrowed`: the places that came
    with shared parts, where it is no mistake that something is not used.
    """
    return _Inspector(script, prompts, doc, borrowed).inspect()


def without_unused(
    script: Script, prompts: Mapping[str, Prompt], borrowed: Collection[Place]
) -> tuple[Script, Mapping[str, Prompt]]:
    """A sound script without the steps, prompts and slots of shared parts that it never comes to: what is left is all
    that the robot may ever say.
    """
    inspector = _Inspector(script, prompts, Document("", {}, {}), borrowed)
    steps = {name for name in script.steps if ("steps", name) not in borrowed} | inspector.reached()
    script = script.model_copy(update={"steps": {n: s for n, s in script.steps.items() if n in steps}})
    said = {prompt for _, says, _ in _Inspector(script, prompts, inspector.doc).speakers() for prompt in says}
    kept = {n: p for n, p in prompts.items() if n in said or p.disclosure or ("prompts", n) not in borrowed}
    used = _Inspector(script, kept, inspector.doc).slots_used()
    slots = {n: s for n, s in script.slots.items() if n in used or ("slots", n) not in borrowed}
    specs = {n: s for n, s in script.prompts.items() if n in kept}
    return script.model_copy(update={"slots": slots, "prompts": specs}), kept


@dataclass(frozen=True, slots=True)
class _Node:
    """A call somewhere on its way. `entered`: the step's own prompts are said (not when it goes on listening)."""

    step: str
    identified: bool
    has_outcome: bool
    entered: bool = True


class _Inspector:
    def __init__(
        self, script: Script, prompts: Mapping[str, Prompt], doc: Document, borrowed: Collection[Place] = ()
    ) -> None:
        self.script = script
        self.borrowed = borrowed
        self.prompts = prompts
        self.doc = doc
        self.found: list[Problem] = []
        self.sayable: dict[str, set[bool]] = {}  # prompt → whether identified when it is said
        self.first_step: dict[str, str] = {}  # prompt → a step that may say it before identity

    def inspect(self) -> list[Problem]:
        self._references()
        self._data()
        self._suitability()
        self._words()
        if any(problem.severity == "error" for problem in self.found):
            return self.found  # paths through names that do not exist lead nowhere
        if not self._endless():
            self._paths()
            self._exits()
            self._keys()
            self._notice()
        return self.found

    def _add(self, place: Place, code: str, message: str, fix: str, severity: str = "error") -> None:
        self.found.append(Problem(*self.doc.at(*place), code, message, fix, severity))

    # ------------------------------------------------------------ names

    def _branches(self) -> Iterator[tuple[Place, Branch]]:
        for list_ in ("urgent", "anywhere"):
            yield from (((list_, i), branch) for i, branch in enumerate(getattr(self.script, list_)))
        for name, step in self.script.steps.items():
            if step.listen is not None:
                for i, branch in enumerate(step.listen.branches):
                    yield ("steps", name, "listen", "branches", i), branch

    def _references(self) -> None:
        self._steps_named()
        for place, says, acts in self.speakers():
            for said in says:
                self._named(place, "prompt", said, self.script.prompts)
            for i, act in enumerate(acts):
                for slot in act.slots:
                    self._named((*place, "do", i), "slot", slot, self.script.slots)
        for place, branch in self._branches():
            if branch.given:
                self._named((*place, "given"), "slot", branch.given, self.script.slots)
                if (given := self.script.slots.get(branch.given)) and given.source != "callee":
                    self._add(
                        (*place, "given"), "not_heard", f"{branch.given} is not said by the callee",
                        "name a slot with `source: callee`",
                    )  # fmt: skip
        for name, spec in self.script.slots.items():
            for key in ("needed_when", "below_when"):
                for other, values in getattr(spec, key).items():
                    self._named(("slots", name, key), "slot", other, self.script.slots)
                    for value in values if other in self.script.slots else ():
                        self._check_value(("slots", name, key), self.script.slots[other], value)
            if spec.below:
                self._named(("slots", name, "below"), "slot", spec.below, self.script.slots)
                if (other := self.script.slots.get(spec.below)) and other.type != spec.type:
                    self._add(
                        ("slots", name, "below"),
                        "invalid",
                        "two types that cannot be compared",
                        "compare like with like",
                    )
        for name, prompt in self.prompts.items():
            self._prompt_references(name, prompt)
        self._disclosures_said()

    def _steps_named(self) -> None:
        targets: list[tuple[Place, str]] = [
            (("start",), self.script.start),
            (("out_of_turns",), self.script.out_of_turns),
        ]
        if self.script.ear_lost is not None:
            targets.append((("ear_lost",), self.script.ear_lost))
        targets += [((*place, "goto"), b.goto) for place, b in self._branches() if b.goto is not None]
        for name, step in self.script.steps.items():
            if step.goto is not None:
                targets.append((("steps", name, "goto"), step.goto))
            targets += [(("steps", name, "branch", i, "goto"), fork.goto) for i, fork in enumerate(step.branch)]
            if step.listen is not None:
                listen: Place = ("steps", name, "listen")
                targets.append(((*listen, "no_input", "goto"), step.listen.no_input.goto))
                targets.append(((*listen, "not_understood", "goto"), step.listen.not_understood.goto))
        for place, target in targets:
            self._named(place, "step", target, self.script.steps)

    def speakers(self) -> Iterator[tuple[Place, tuple[str, ...], tuple[ActSpec, ...]]]:
        """Every place that says prompts or acts."""
        for place, branch in self._branches():
            yield place, branch.say, branch.do
        for intent, answer in self.script.answers.items():
            yield ("answers", intent), answer.say + answer.before_identity, answer.do
        for name, step in self.script.steps.items():
            yield ("steps", name), step.say, step.do
            if (listen := step.listen) is not None:
                inside: Place = ("steps", name, "listen")
                yield (*inside, "ask_again"), listen.ask_again, ()
                yield (*inside, "no_input", "say"), listen.no_input.say, ()
                yield (*inside, "not_understood", "say"), listen.not_understood.say, ()

    def _named(self, place: Place, kind: str, name: str, there_are: Mapping[str, object]) -> None:
        if name not in there_are:
            close = get_close_matches(name, there_are, 1)
            fix = f"did you mean {close[0]}?" if close else f"write the {kind} or name another"
            code = "undefined_slot" if kind == "slot" else f"unknown_{kind}"
            self._add(place, code, f"there is no {kind} {name}", fix)

    def _prompt_references(self, name: str, prompt: Prompt) -> None:
        for key, wordings in (("text", prompt.wordings), ("otherwise", prompt.otherwise)):
            for i, wording in enumerate(wordings):
                for slot in sorted(wording.slots):
                    self._named(("prompts", name, key, i), "slot", slot, self.script.slots)
                unsure = [s for s in sorted(wording.slots) if (spec := self.script.slots.get(s)) and self._unsure(spec)]
                if unsure and (i == len(wordings) - 1 if key == "otherwise" else not prompt.otherwise):
                    self._add(
                        ("prompts", name, key, i), "maybe_unknown", f"{unsure[0]} may not be known when this is said",
                        "give the prompt an `otherwise` that does without it",
                    )  # fmt: skip
        if prompt.disclosure:
            self._named(("prompts", name, "disclosure"), "disclosure", prompt.disclosure, self.script.disclosures)

    @staticmethod
    def _unsure(spec: object) -> bool:
        return bool(getattr(spec, "optional", False)) or getattr(spec, "source", "") in ("callee", "script")

    def _disclosures_said(self) -> None:
        needed = {outcome for spec in self.script.disclosures.values() for outcome in spec.needed_for}
        for place, branch in self._branches():
            if branch.outcome in NEED_DISCLOSURE - needed:
                fix = f"give a disclosure `needed_for: {branch.outcome}`"
                self._add((*place, "outcome"), "missing_disclosure", f"{branch.outcome} without a disclosure", fix)
        said = {prompt.disclosure for prompt in self.prompts.values()}
        for name in self.script.disclosures:
            if name not in said:
                self._add(("disclosures", name), "unsaid_disclosure", f"no prompt is the disclosure {name}",
                          f"give a prompt `disclosure: {name}`")  # fmt: skip

    # ------------------------------------------------------------ data

    def _data(self) -> None:
        """Forks, settings and keys name slots that can hold what they say."""
        for name, step in self.script.steps.items():
            for i, fork in enumerate(step.branch):
                self._fork(("steps", name, "branch", i), fork)
            self._setting(("steps", name, "set"), step.set)
            for key, meaning in step.listen.keys.items() if step.listen is not None else ():
                if isinstance(meaning, KeyValue):
                    self._value(("steps", name, "listen", "keys", key), meaning.slot, meaning.value, "callee")
        for place, branch in self._branches():
            self._setting((*place, "set"), branch.set)

    def _fork(self, place: Place, fork: Fork) -> None:
        for slot in filter(None, (fork.slot, fork.below, fork.at_least)):
            self._named(place, "slot", slot, self.script.slots)
        if (spec := self.script.slots.get(fork.slot)) is None:
            return
        for value in fork.is_:
            self._check_value(place, spec, value)
        other = self.script.slots.get(fork.below or fork.at_least)
        if other and (other.type != spec.type or spec.type not in ("money", "percent", "integer")):
            self._add(place, "invalid", "two slots that cannot be compared", "compare money, percent or integers")

    def _setting(self, place: Place, values: Mapping[str, str]) -> None:
        for slot, value in values.items():
            self._value((*place, slot), slot, value, "script")

    def _value(self, place: Place, slot: str, value: str, source: str) -> None:
        self._named(place, "slot", slot, self.script.slots)
        if (spec := self.script.slots.get(slot)) is None:
            return
        if spec.source != source:
            fix = f"name a slot with `source: {source}`"
            self._add(place, "not_set", f"{slot} comes from the {spec.source}", fix)
        self._check_value(place, spec, value)

    def _check_value(self, place: Place, spec: SlotSpec, value: str) -> None:
        try:
            known = spec.canonical(value) == value
            wanted = "write it as it is kept" if not known else ""
        except ValueError as error:
            known, wanted = False, str(error)
        if not known:
            self._add(place, "bad_value", f"{value} is no {spec.type} of this slot", wanted)

    def _suitability(self) -> None:
        needs = self.script.suitability
        if needs is None:
            if self.script.kind == "marketing":
                self._add(("kind",), "missing_suitability", "a marketing script without consent and suitability",
                          "write `suitability: {client: …, product: …, valid_until: …, consent: …}`")  # fmt: skip
            return
        for key, type_ in (("client", "choice"), ("product", "choice"), ("valid_until", "date"), ("consent", "text")):
            slot = getattr(needs, key)
            self._named(("suitability", key), "slot", slot, self.script.slots)
            spec = self.script.slots.get(slot)
            if spec is None:
                continue
            is_future = spec.future or key != "valid_until"
            if spec.type != type_ or spec.source != "contact" or spec.optional or not is_future:
                wanted = f"a {type_} of the contact{', in the future' if key == 'valid_until' else ''}, not optional"
                self._add(("suitability", key), "suitability", f"{slot} is not {wanted}", "change the slot")

    def slots_used(self) -> set[str]:
        """The slots that anything says, carries, compares or decides by."""
        used = {slot for p in self.prompts.values() for w in (*p.wordings, *p.otherwise) for slot in w.slots}
        used |= {slot for _, _, acts in self.speakers() for act in acts for slot in act.slots}
        used |= {branch.given for _, branch in self._branches()} | {s.below for s in self.script.slots.values()}
        used |= {o for s in self.script.slots.values() for o in (*s.needed_when, *s.below_when)}
        for step in self.script.steps.values():
            used |= {slot for fork in step.branch for slot in (fork.slot, fork.below, fork.at_least)}
        if self.script.suitability is not None:
            used |= set(self.script.suitability.model_dump().values())
        return used

    # ------------------------------------------------------------ words

    def _words(self) -> None:
        for name, prompt in self.prompts.items():
            for key, wordings in (("text", prompt.wordings), ("otherwise", prompt.otherwise)):
                for i, wording in enumerate(wordings):
                    self._wording(("prompts", name, key, i), prompt, wording)

    def _wording(self, place: Place, prompt: Prompt, wording: Wording) -> None:
        literal = wording.literal
        if word := banned_in(literal):
            self._add(place, "banned_word", f"{word} must never be said", "say it without promise or tip")
        if self.script.kind == "service" and (pitch := next((w for w in PITCH_WORDS if w in literal), "")):
            fix = "leave the offer out, or make it a marketing script"
            self._add(place, "pitch", f"{pitch} offers something, and this is a service call", fix)
        if any(c.isdecimal() or c in "%％" for c in literal):
            self._add(
                place, "figure", "a figure in the words of a script", "make it a slot, or write the word (一, 二)"
            )
        if any(c.isascii() and c.isalpha() for c in literal):
            self._add(
                place, "unspeakable", "letters that a Chinese voice cannot speak", "write it in Chinese characters"
            )
        if any(ord(c) < 32 or c in "<>[]|\\`&$#*_~^" for c in literal):
            self._add(place, "unspeakable", "a character that cannot be spoken", "write words")
        if not any("\u3400" <= c <= "\u9fff" for c in literal) and not wording.slots:
            self._add(place, "unspeakable", "nothing to be spoken", "write the words")
        seconds = self._seconds(wording)
        longest = LONGEST_DISCLOSURE_S if prompt.disclosure else LONGEST_PROMPT_S
        if seconds > longest:
            self._add(
                place, "too_long", f"about {seconds:.0f} s of speech, over {longest:.0f}", "say it in fewer words"
            )

    def _seconds(self, wording: Wording) -> float:
        syllables = sum("\u3400" <= c <= "\u9fff" for c in wording.literal)
        slots = self.script.slots
        syllables += sum(_SYLLABLES.get(slots[s].type, 4) for s in wording.slots if s in slots)
        return syllables / SYLLABLES_PER_S

    # ------------------------------------------------------------ paths

    def _onward(self, name: str) -> tuple[str, ...]:
        """The steps that a step leads to by itself."""
        step = self.script.steps[name]
        return (*(fork.goto for fork in step.branch), *((step.goto,) if step.goto is not None else ()))

    def _endless(self) -> bool:
        """Whether steps go to each other without ever listening."""
        order: dict[str, int] = {}  # how many of a step's ways have been gone
        endless = False
        for start in self.script.steps:
            trail = [start] if start not in order else []
            on_trail = set(trail)
            while trail:
                ways = self._onward(trail[-1])
                gone = order.get(trail[-1], 0)
                order[trail[-1]] = gone + 1
                if gone >= len(ways):
                    on_trail.discard(trail.pop())
                elif (following := ways[gone]) in on_trail:
                    self._add(("steps", following, "goto"), "endless",
                              f"{following} comes back to itself without listening",
                              "listen or end somewhere in between")  # fmt: skip
                    endless = True
                elif following not in order:
                    trail.append(following)
                    on_trail.add(following)
        return endless

    def reached(self) -> set[str]:
        """The steps that a call may come to."""
        return {node.step for node in self._nodes()}

    def _nodes(self) -> set[_Node]:
        first = _Node(self.script.start, identified=False, has_outcome=False)
        seen = {first}
        todo = [first]
        while todo:
            for node in self._follow(todo.pop()):
                if node not in seen:
                    seen.add(node)
                    todo.append(node)
        return seen

    def _paths(self) -> None:
        reached = self.reached()
        for name in self.script.steps:
            if name not in reached and ("steps", name) not in self.borrowed:
                self._add(
                    ("steps", name), "unreachable", f"no path leads to the step {name}", "lead one there or remove it"
                )
        self._out_of_turns()
        self._ear_lost()
        self._before_identity()
        self._unused()

    def _follow(self, node: _Node) -> Iterable[_Node]:
        step = self.script.steps[node.step]
        outcome = node.has_outcome or step.outcome is not None
        if node.entered:
            self._says(step.say, node.identified, node.step)
        if step.end and not outcome:
            self._add_once(("steps", node.step), "no_outcome", f"a call may end in {node.step} without an outcome",
                           "give the step, or every branch that leads to it, an `outcome`")  # fmt: skip
        for onward in self._onward(node.step):
            yield _Node(onward, node.identified, outcome)
        if (listen := step.listen) is None:
            return
        self._says(listen.ask_again, node.identified, node.step)
        for fallback in (listen.no_input, listen.not_understood):
            self._says(fallback.say, node.identified, node.step)
            yield _Node(fallback.goto, node.identified, outcome)
        yield _Node(self.script.out_of_turns, node.identified, outcome)
        if self.script.ear_lost is not None:
            yield _Node(self.script.ear_lost, node.identified, outcome)
        for branch in (*self.script.urgent, *listen.branches, *self.script.anywhere):
            if branch.when_identified in (None, node.identified):
                yield self._take(node, branch, has_outcome=outcome)
        for answer in self.script.answers.values():
            says = answer.say if node.identified or not answer.before_identity else answer.before_identity
            self._says(says, node.identified, node.step)

    def _take(self, node: _Node, branch: Branch, *, has_outcome: bool) -> _Node:
        identified = node.identified if branch.identified is None else branch.identified
        self._says(branch.say, identified, node.step)
        for name, disclosure in self.script.disclosures.items():
            if branch.outcome in disclosure.needed_for:
                # The robot says a missing disclosure before it lets such an outcome count.
                self._says((p.id for p in self.prompts.values() if p.disclosure == name), identified, node.step)
        has_outcome = has_outcome or branch.outcome is not None
        if branch.goto is not None:
            return _Node(branch.goto, identified, has_outcome)
        return _Node(node.step, identified, has_outcome, entered=False)

    def _says(self, prompts: Iterable[str], identified: bool, step: str) -> None:
        for prompt in prompts:
            self.sayable.setdefault(prompt, set()).add(identified)
            if not identified:
                self.first_step.setdefault(prompt, step)

    def _add_once(self, place: Place, code: str, message: str, fix: str) -> None:
        problem = Problem(*self.doc.at(*place), code, message, fix)
        if problem not in self.found:
            self.found.append(problem)

    def _out_of_turns(self) -> None:
        todo = [self.script.out_of_turns]
        while todo:
            name = todo.pop()
            if self.script.steps[name].listen is not None:
                self._add(("out_of_turns",), "endless", "after max_turns the call still goes on",
                          "name a step that leads to `end`")  # fmt: skip
                return
            todo += self._onward(name)

    def _exits(self) -> None:
        """Whether a call can come to an end from every step by what is said there, not only by being cut short."""
        before: dict[str, set[str]] = {}
        exits = [name for name, step in self.script.steps.items() if step.end]
        for name, step in self.script.steps.items():
            following = {*self._onward(name)}
            if (listen := step.listen) is not None:
                following |= {listen.no_input.goto, listen.not_understood.goto}
                following |= {branch.goto for branch in listen.branches if branch.goto is not None}
            for target in following:
                before.setdefault(target, set()).add(name)
        leaving = set(exits)
        while exits:
            fresh = before.get(exits.pop(), set()) - leaving
            leaving |= fresh
            exits += fresh
        for name in self.script.steps:
            if name not in leaving and ("steps", name) not in self.borrowed:
                self._add(("steps", name), "no_exit", f"from {name} no way leads to an end of the call",
                          "lead a branch, no_input or not_understood to a step with `end: true`")  # fmt: skip

    def _keys(self) -> None:
        """Every key has an answer, and every key that a prompt names is listened for."""
        everywhere = {name for b in (*self.script.urgent, *self.script.anywhere) for name in b.heard}
        everywhere |= set(self.script.answers)
        for name, step in self.script.steps.items():
            if (listen := step.listen) is None or ("steps", name) in self.borrowed:
                continue
            heard = everywhere | {intent for branch in listen.branches for intent in branch.heard}
            given = {b.given for b in (*listen.branches, *self.script.anywhere) if b.given}
            for key, meaning in listen.keys.items():
                known = meaning.slot in given if isinstance(meaning, KeyValue) else meaning in heard
                if not known:
                    what = meaning.slot if isinstance(meaning, KeyValue) else meaning
                    place: Place = ("steps", name, "listen", "keys", key)
                    self._add(place, "no_answer", f"key {key} means {what}, and no branch of {name} answers that",
                              f"add a branch for {what}")  # fmt: skip
            says = (*step.say, *listen.ask_again, *listen.no_input.say, *listen.not_understood.say)
            named = {key for prompt in says for key in self._keys_named(prompt)}
            for key in sorted(named - listen.keys.keys()):
                self._add(("steps", name, "listen"), "unheard_key", f"a prompt of {name} names key {key}, "
                          "which is not listened for", f"add `{key}: …` to its `keys`")  # fmt: skip

    def _keys_named(self, prompt: str) -> Iterator[str]:
        for wording in (*self.prompts[prompt].wordings, *self.prompts[prompt].otherwise):
            for spoken in re.findall("按([一二三四五六七八九零])", wording.literal):
                yield str("零一二三四五六七八九".index(spoken))

    def _ear_lost(self) -> None:
        """Once the recogniser is lost only keys and silence lead on: no step on that way may wait for words alone."""
        if self.script.ear_lost is None:
            self._add(
                ("out_of_turns",), "missing_ear_lost", "nothing is said when the recogniser is lost in the call",
                "write `ear_lost: STEP`, a step that asks for keys or says goodbye", "warning",
            )  # fmt: skip
            return
        reached = {self.script.ear_lost}
        todo = [self.script.ear_lost]
        while todo:
            step = self.script.steps[todo[-1]]
            if step.listen is not None and not step.listen.keys:
                self._add(
                    ("steps", todo[-1], "listen"), "deaf", f"{todo[-1]} waits for words after the recogniser is lost",
                    "give it `keys`, or lead `ear_lost` elsewhere",
                )  # fmt: skip
            following = set(self._without_words(todo.pop())) - reached
            reached |= following
            todo += following

    def _without_words(self, name: str) -> Iterator[str]:
        """The steps that follow a step when nothing that is said is understood."""
        step = self.script.steps[name]
        yield from self._onward(name)
        if (listen := step.listen) is None:
            return
        yield listen.no_input.goto
        yield listen.not_understood.goto
        for meaning in listen.keys.values():
            for branch in (*self.script.urgent, *listen.branches, *self.script.anywhere):
                is_heard = branch.given == meaning.slot if isinstance(meaning, KeyValue) else (
                    meaning in branch.heard and not branch.given
                )  # fmt: skip
                if not is_heard or branch.also:
                    continue
                if branch.goto is not None:
                    yield branch.goto
                if branch.when_identified is None and branch.at_most is None:
                    break  # the first that fits is taken

    def _before_identity(self) -> None:
        for name, when in self.sayable.items():
            if False not in when:
                continue
            prompt = self.prompts[name]
            step = self.first_step[name]
            for key, wordings in (("text", prompt.wordings), ("otherwise", prompt.otherwise)):
                for i, wording in enumerate(wordings):
                    private = [s for s in sorted(wording.slots) if not self.script.slots[s].before_identity]
                    words = [word for word in ACCOUNT_WORDS if word in wording.literal]
                    if told := private + words:
                        self._add(
                            ("prompts", name, key, i), "before_identity",
                            f"{told[0]} can be told in step {step} before the callee has confirmed to be the client",
                            "ask who is speaking first, or give an answer its `before_identity`",
                        )  # fmt: skip

    def _unused(self) -> None:
        for name in self.prompts:
            if name not in self.sayable and ("prompts", name) not in self.borrowed:
                self._add(
                    ("prompts", name), "unused", f"the prompt {name} is never said", "say it or remove it", "warning"
                )
        used = self.slots_used()
        for name in self.script.slots:
            if name not in used and ("slots", name) not in self.borrowed:
                self._add(("slots", name), "unused", f"the slot {name} is never used", "use it or remove it", "warning")

    # ------------------------------------------------------------ the opening notice

    def _notice(self) -> None:
        """docs/domain.md §3.7: that the voice is synthesised by AI and the call recorded, before anything is asked."""
        for said in self._openings(self.script.start):
            self._notice_in(said)

    def _openings(self, name: str) -> Iterator[list[Prompt]]:
        """What may be said, prompt by prompt, before anything is listened to."""
        todo: list[tuple[str, list[Prompt]]] = [(name, [])]
        for _ in range(1000):  # many forks make many openings; these are enough to judge by
            if not todo:
                return
            name, said = todo.pop()
            said = [*said, *(self.prompts[prompt] for prompt in self.script.steps[name].say)]
            if onward := self._onward(name):
                todo += [(following, said) for following in onward]
            else:
                yield said

    def _notice_in(self, said: list[Prompt]) -> None:
        kept = [prompt for prompt in said if prompt.disclosure]
        for what, words in (
            ("that the voice is synthesised by AI", ("人工智能", "合成")),
            ("that the call is recorded", ("录音",)),
        ):
            if not any(_always_says(prompt, words) for prompt in kept):
                self._add_once(
                    ("steps", self.script.start), "missing_notice", f"the opening does not say {what}",
                    "say it first, in a prompt that is a disclosure (本次通话语音由人工智能合成，通话将被录音)",
                )  # fmt: skip


def _always_says(prompt: Prompt, words: tuple[str, ...]) -> bool:
    return all(word in wording.literal for wording in (*prompt.wordings, *prompt.otherwise) for word in words)
