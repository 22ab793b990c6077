"""A call's way through its script: `begin`, `advance` for everything that happens, `conclude`. All pure: the same state
and input always give the same answer, and no input whatever raises.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from voicebot.flow.dialogue import (
    Act,
    Action,
    Digit,
    EarLost,
    HangUp,
    Heard,
    Input,
    Listen,
    Played,
    Say,
    Silence,
    Start,
    State,
)
from voicebot.flow.dispositions import Disposition, outranks
from voicebot.flow.model import ActSpec, Answer, Branch, Fallback, Flow, Fork, KeyValue, Prompt, Script, Step, Wording
from voicebot.flow.problems import SlotError
from voicebot.flow.vocabulary import banned_in
from voicebot.nlu.understanding import Intent, Slot, Understanding

# In one breath at most this many questions are answered; the rest can be asked again.
_MOST_ANSWERS = 2
_TURNS = "turns"
# Words that an understander is less sure of do not identify anybody; explicit ones reach 0.95 and more (docs/nlu.md).
_SURE = 0.9

# ---------------------------------------------------------------- before the dial


def begin(flow: Flow, slots: Mapping[str, str], now: datetime, *, trial: bool = False) -> State:
    """A call about to be dialled. `slots`: the contact's data, as text; `now`: the caller's clock; `trial`: nobody is
    rung, so a script that is switched off may be tried too. Raises `SlotError` naming every slot that is missing,
    unknown, of the wrong type, in the past, not suitable, or would make the robot say a forbidden phrase.
    """
    if flow.script.off and not trial:
        raise SlotError(f"flow {flow.name} is switched off: {flow.script.off}")
    specs = {name: spec for name, spec in flow.script.slots.items() if spec.source == "contact"}
    values: dict[str, str] = {}
    wrong = [f"{name}: no such slot (there are: {', '.join(specs)})" for name in slots if name not in specs]
    for name, spec in specs.items():
        text = slots.get(name, "")
        if not text.strip():
            if not spec.optional:
                wrong.append(f"{name}: missing")
            elif spec.needed_when and _applies(spec.needed_when, slots):
                wrong.append(f"{name}: missing, needed when {_told(spec.needed_when)}")
            continue
        try:
            values[name] = spec.canonical(text)
        except ValueError as error:
            wrong.append(f"{name}: no {spec.type}, {error}")
    for name in values:
        spec = specs[name]
        if (
            spec.below in values
            and _applies(spec.below_when, slots)
            and Decimal(values[name]) >= Decimal(values[spec.below])
        ):
            wrong.append(f"{name}: {values[name]} is not below {spec.below} ({values[spec.below]})")
        if spec.future and _is_past(values[name], now):
            wrong.append(f"{name}: {values[name]} is past, such a call is for a person to make")
        if spec.past and not _is_past(values[name], now):
            wrong.append(f"{name}: {values[name]} is still to come, until then such a call must not be made")
    if not wrong:
        wrong += _unsuitable(flow.script, values)
    state = State(flow.script.start, now, values)
    if not wrong:
        # As `prompts_known` says them, each value written out once: a list of contacts is many times this.
        shown = {name: flow.value(name, value).written for name, value in values.items()}
        wrong = [
            f"{prompt.id}: with these values it says the forbidden phrase {word}"
            for prompt, wording in _wordings_known(flow, values)
            if (word := banned_in(wording.told(shown)))
        ]
    if wrong:
        raise SlotError(f"flow {flow.name}: " + "; ".join(wrong))
    return state


def _applies(conditions: Mapping[str, tuple[str, ...]], slots: Mapping[str, str]) -> bool:
    return all(slots.get(slot, "").strip() in values for slot, values in conditions.items())


def _told(conditions: Mapping[str, tuple[str, ...]]) -> str:
    return " and ".join(f"{slot} is {' or '.join(values)}" for slot, values in conditions.items())


def _unsuitable(script: Script, values: Mapping[str, str]) -> Iterator[str]:
    """docs/domain.md §3: C1 → R1, C2 → R1–R2 … C5 → R1–R5. That the grade is still valid and the consent there is said
    by the slots themselves, which are not optional.
    """
    if (needs := script.suitability) is None:
        return
    client, product = values[needs.client], values[needs.product]
    if not client[1:].isdecimal() or not product[1:].isdecimal() or int(client[1:]) < int(product[1:]):
        yield f"{needs.product}: {product} is not suitable for a client of {client}"


def _is_past(value: str, now: datetime) -> bool:
    """A moment that has come, or a day that is over, by the caller's clock."""
    clock = now.replace(tzinfo=None).isoformat()[: len(value)]
    return value < clock or (value == clock and "T" in value)


def prompts_known(flow: Flow, state: State) -> Iterator[Say]:
    """Every prompt that the contact's data alone completes, in each wording it may take: what can be rendered before
    the dial. The opening comes first, then the order of the script.
    """
    for prompt, wording in _wordings_known(flow, state.slots):
        yield Say(prompt.id, flow.segments(wording, state.slots), prompt.interruptible, prompt.disclosure)


def _wordings_known(flow: Flow, slots: Mapping[str, str]) -> Iterator[tuple[Prompt, Wording]]:
    opening = flow.script.steps[flow.script.start].say
    for name in dict.fromkeys((*opening, *flow.prompts)):
        prompt = flow.prompts[name]
        known = [w for w in prompt.wordings if w.slots <= slots.keys()]
        if len(known) < len(prompt.wordings):
            known += [w for w in prompt.otherwise if w.slots <= slots.keys()]
        for wording in known:
            yield prompt, wording


def known_slots(flow: Flow, state: State) -> dict[str, str]:
    """The contact's slots, those that the script has set, and the latest of each kind that the callee gave."""
    values = dict(state.slots)
    for name, spec in flow.script.slots.items():
        if spec.hears is not None and (slot := _latest(state.said, spec.hears)) is not None:
            value = flow.heard(name, slot.value)
            if value is not None:
                values[name] = value
    return values


# ---------------------------------------------------------------- the call


def advance(flow: Flow, state: State, happened: Input) -> tuple[State, tuple[Action, ...]]:
    """What the robot does now. The actions are said and done in order; they end with `Listen` or `HangUp` unless
    nothing is to be done. After the end nothing is said any more, but a do-not-call wish or a complaint still counts.
    """
    if isinstance(happened, Played):
        return _played(flow, state, happened), ()
    turn = _Turn(flow, state)
    if not state.path:
        if isinstance(happened, Start):
            turn.enter(flow.script.start)
    elif state.ended:
        if isinstance(happened, Heard):
            turn.hear_too_late(happened.understanding)
    else:
        match happened:
            case Heard(understanding):
                turn.hear(understanding)
            case Digit(digit):
                turn.press(digit)
            case Silence():
                turn.fall_silent()
            case EarLost():
                turn.lose_ear()
            case _:
                pass
    return turn.state, tuple(turn.actions)


def conclude(flow: Flow, state: State, *, answered: bool, hung_up_by_callee: bool) -> Disposition:
    """The outcome of a call that is over, however it ended. An outcome reached stays when the callee hangs up, provided
    that the disclosures it needs were played to their end. `unknown` where nobody answered (the line knows why),
    `fault` where the call broke off and neither the callee nor the script ended it.
    """
    if not answered:
        return Disposition.UNKNOWN
    if state.disposition and not _missing(flow, state, state.disposition):
        return Disposition(state.disposition)
    return Disposition.HUNG_UP if hung_up_by_callee else Disposition.FAULT


def _played(flow: Flow, state: State, played: Played) -> State:
    prompt = flow.prompts.get(played.prompt)
    if not played.complete or prompt is None or not prompt.disclosure:
        return state
    return replace(state, disclosed=state.disclosed | {prompt.disclosure})


def _missing(flow: Flow, state: State, outcome: str) -> list[str]:
    """The disclosures that an outcome needs and that were not played to their end."""
    needed = flow.script.disclosures.items()
    return [name for name, spec in needed if outcome in spec.needed_for and name not in state.disclosed]


@dataclass(slots=True)
class _Turn:
    """One input being worked on: the state so far and the actions so far."""

    flow: Flow
    state: State
    actions: list[Action] = field(default_factory=list)
    before: Mapping[str, str] = field(default_factory=dict)  # what was known before the callee spoke
    sure: frozenset[str] = frozenset()  # the intents that leave no doubt

    # ------------------------------------------------------------ what happened

    def hear(self, understanding: Understanding) -> None:
        self._note(understanding)
        meant = [i.name for i in understanding.intents if i.name != "unknown"]
        given = {slot.type for slot in understanding.slots}
        if (branch := self._first(self.flow.script.urgent, meant, given)) is not None:
            self._take(branch, ())
        elif not self._out_of_turns():
            self._answer_or_go_on(meant, given)

    def press(self, digit: str) -> None:
        listen = self._step.listen
        meaning = listen.keys.get(digit, "unknown") if listen is not None else "unknown"
        if isinstance(meaning, KeyValue):
            hears = self.flow.script.slots[meaning.slot].hears or ""
            self.hear(Understanding("", (Intent("unknown", 1.0),), (Slot(hears, digit, meaning.value, 0, 0),)))
        else:
            self.hear(Understanding("", (Intent(meaning, 1.0),)))

    def fall_silent(self) -> None:
        if not self._out_of_turns() and (listen := self._step.listen) is not None:
            self.state = replace(self.state, silences=self.state.silences + 1)
            self._fall_back("no_input", listen.no_input, self.state.silences)

    def lose_ear(self) -> None:
        """Nothing that is said will be understood any more. A script that does not provide for it takes it for a turn
        that it did not understand, and so comes to its own end.
        """
        if self.flow.script.ear_lost is None:
            self.hear(Understanding("[unk]", (Intent("unknown", 1.0),)))
        else:
            self._forget_said()
            self.enter(self.flow.script.ear_lost)

    def hear_too_late(self, understanding: Understanding) -> None:
        """The script is over or the callee has hung up: nothing is said, but what must be done is done."""
        self._note(understanding)
        meant = [i.name for i in understanding.intents]
        branch = self._first(self.flow.script.urgent, meant, {slot.type for slot in understanding.slots})
        if branch is None:
            return
        self._trace(self._key(branch))
        self._outcome(branch.outcome)
        self._set(branch.set)
        self._do(branch.do)
        name = branch.goto
        while name is not None:
            step = self.flow.script.steps[name]
            self._outcome(step.outcome)
            self._set(step.set)
            self._do(step.do)
            name = self._onward(name)

    def _note(self, understanding: Understanding) -> None:
        self.before = self._known
        self.sure = frozenset(i.name for i in understanding.intents if i.confidence >= _SURE)
        self.state = replace(
            self.state,
            intents=self.state.intents + tuple(i.name for i in understanding.intents),
            said=self.state.said + understanding.slots,
            silences=0,
        )

    def _out_of_turns(self) -> bool:
        turns = self._count(_TURNS)
        if turns > self.flow.script.max_turns:
            self._forget_said()
            self.enter(self.flow.script.out_of_turns)
            return True
        return False

    # ------------------------------------------------------------ what it calls for

    def _first(self, branches: Iterable[Branch], meant: list[str], given: set[str]) -> Branch | None:
        return next((branch for branch in branches if self._fits(branch, meant, given)), None)

    def _fits(self, branch: Branch, meant: list[str], given: set[str]) -> bool:
        # Who identifies must say so: "你说" or "啊怎么了" may be meant by the client, or by whoever picked up.
        said = self.sure if branch.identified else meant
        if branch.heard and not any(name in said for name in branch.heard):
            return False
        if not all(name in meant for name in branch.also):
            return False
        if branch.given and not self._was_given(branch.given, given):
            return False
        if branch.same and self.before.get(branch.given) != self._known[branch.given]:
            return False
        if branch.when_identified not in (None, self.state.identified):
            return False
        return branch.at_most is None or self.state.retries.get(self._key(branch), 0) < branch.at_most

    def _was_given(self, slot: str, given: set[str]) -> bool:
        return self.flow.script.slots[slot].hears in given and slot in self._known

    def _key(self, branch: Branch) -> str:
        """Names a branch by its place, so that the count of its uses survives in the state."""
        listen = self._step.listen
        lists = (("urgent", self.flow.script.urgent), ("anywhere", self.flow.script.anywhere),
                 (self.state.step, listen.branches if listen is not None else ()))  # fmt: skip
        return next(f"{name}:{i}" for name, list_ in lists for i, b in enumerate(list_) if b is branch)

    def _answer_or_go_on(self, meant: list[str], given: set[str]) -> None:
        listen = self._step.listen
        if listen is None:
            return
        branch = self._first((*listen.branches, *self.flow.script.anywhere), meant, given)
        answered_by_branch = branch.heard if branch is not None else ()
        asked = [self.flow.script.answers[name] for name in dict.fromkeys(meant)
                 if name in self.flow.script.answers and name not in answered_by_branch]  # fmt: skip
        if branch is not None and (not asked or branch.questions != "instead"):
            self._take(branch, asked if branch.questions == "first" else ())
        elif asked:
            self._understood()
            self._forget_said()
            self._answer(asked)
            self._ask_again()
        else:
            self.state = replace(self.state, misses=self.state.misses + 1)
            self._fall_back("not_understood", listen.not_understood, self.state.misses)

    def _take(self, branch: Branch, asked: Iterable[Answer]) -> None:
        self._understood()
        if branch.identified is not None:
            self.state = replace(self.state, identified=branch.identified, last_said=())
        if missing := _missing(self.flow, self.state, branch.outcome or ""):
            self._disclose(missing)
            return
        self._trace(self._key(branch))
        if branch.at_most is not None:
            self._count(self._key(branch))
        self._outcome(branch.outcome)
        self._set(branch.set)
        self._do(branch.do)
        if branch.repeat:
            self._say_again()
            return
        if branch.wait_s is None:
            self._forget_said()
        self._answer(asked)
        self._say(branch.say, remember=branch.wait_s is None)
        if branch.goto is not None:
            self.enter(branch.goto)
        elif branch.wait_s is not None:
            self._listen(branch.wait_s)
        else:
            self._ask_again()

    def _disclose(self, missing: list[str]) -> None:
        """What the callee would confirm was cut off before its end: it is said again before anything counts."""
        self._forget_said()
        for disclosure in missing:
            # A disclosure may have several prompts, by the data; the one meant is the one that was begun.
            prompts = [prompt.id for prompt in self.flow.prompts.values() if prompt.disclosure == disclosure]
            begun = [prompt for prompt in prompts if f"say:{prompt}" in self.state.retries]
            self._say(begun or prompts[:1])
        self._ask_again()

    def _answer(self, asked: Iterable[Answer]) -> None:
        for answer in list(asked)[:_MOST_ANSWERS]:
            self._do(answer.do)
            private = not self.state.identified and answer.before_identity
            intent = next(name for name, a in self.flow.script.answers.items() if a is answer)
            self._trace(f"answers:{intent}:before_identity" if private else f"answers:{intent}")
            self._say(answer.before_identity if private else answer.say)

    def _fall_back(self, kind: str, fallback: Fallback, times: int) -> None:
        self._trace(f"{self.state.step}:{kind}:{times if times <= len(fallback.say) else 'goto'}")
        if times <= len(fallback.say):
            self._forget_said()
            self._say(fallback.say[times - 1 : times])
            self._listen()
        else:
            self._forget_said()
            self.enter(fallback.goto)

    def _ask_again(self) -> None:
        listen = self._step.listen
        if listen is not None:
            self._say(listen.ask_again)
        self._listen()

    def _understood(self) -> None:
        self.state = replace(self.state, misses=0)

    # ------------------------------------------------------------ what the robot does

    def enter(self, name: str) -> None:
        """Go to a step, and on to where it leads, until the robot listens or the call ends."""
        while True:
            step = self.flow.script.steps[name]
            self.state = replace(self.state, step=name, path=(*self.state.path, name), silences=0, misses=0)
            self._outcome(step.outcome)
            self._set(step.set)
            self._do(step.do)
            self._say(step.say)
            if (onward := self._onward(name)) is None:
                break
            name = onward
        if step.end:
            self.state = replace(self.state, ended=True)
            self.actions.append(HangUp())
        else:
            self._listen()

    def _onward(self, name: str) -> str | None:
        """Where a step leads by itself: its first fork that fits the data, else its `goto`."""
        step = self.flow.script.steps[name]
        if not step.branch:
            return step.goto
        known = self._known
        fits = next((i for i, fork in enumerate(step.branch) if _fits_data(fork, known)), None)
        self._trace(f"{name}:branch:{'goto' if fits is None else fits}")
        return step.goto if fits is None else step.branch[fits].goto

    def _set(self, values: Mapping[str, str]) -> None:
        if values:
            specs = self.flow.script.slots
            kept = {slot: specs[slot].canonical(value) for slot, value in values.items()}
            self.state = replace(self.state, slots={**self.state.slots, **kept})

    def _listen(self, silence_s: float | None = None) -> None:
        listen = self._step.listen
        if listen is None:
            return
        expecting = {name for branch in listen.branches for name in branch.heard}
        self.actions.append(
            Listen(round(1000 * (silence_s or listen.silence_s)), frozenset(expecting), frozenset(listen.keys))
        )

    def _say(self, prompts: Iterable[str], *, remember: bool = True) -> None:
        for name in prompts:
            prompt = self.flow.prompts[name]
            known = self._known
            wording = prompt.wording(known, self._count(f"say:{name}") - 1)
            say = Say(name, self.flow.segments(wording, known), prompt.interruptible, prompt.disclosure)
            self.actions.append(say)
            if remember:
                self.state = replace(self.state, last_said=(*self.state.last_said, say))

    def _say_again(self) -> None:
        self.actions += self.state.last_said
        self._listen()

    def _forget_said(self) -> None:
        self.state = replace(self.state, last_said=())

    def _do(self, acts: Iterable[ActSpec]) -> None:
        for act in acts:
            known = self._known
            data = {slot: known[slot] for slot in act.slots if slot in known}
            fixed = {"reason": act.reason, "template": act.template, "hook": act.hook}
            data |= {key: value for key, value in fixed.items() if value}
            self.actions.append(Act(act.act, data))

    def _outcome(self, outcome: str | None) -> None:
        if outcome is not None and outranks(outcome, self.state.disposition):
            self.state = replace(self.state, disposition=outcome)

    def _trace(self, place: str) -> None:
        self.state = replace(self.state, taken=(*self.state.taken, place))

    def _count(self, what: str) -> int:
        times = self.state.retries.get(what, 0) + 1
        self.state = replace(self.state, retries={**self.state.retries, what: times})
        return times

    # ------------------------------------------------------------ what is known

    @property
    def _step(self) -> Step:
        return self.flow.script.steps[self.state.step]

    @property
    def _known(self) -> dict[str, str]:
        return known_slots(self.flow, self.state)


def _fits_data(fork: Fork, known: Mapping[str, str]) -> bool:
    value = known.get(fork.slot)
    if fork.known is not None:
        return fork.known == (value is not None)
    if value is None:
        return False
    if fork.is_:
        return value in fork.is_
    other = known.get(fork.below or fork.at_least)
    return other is not None and (Decimal(value) < Decimal(other)) == bool(fork.below)


def _latest(said: tuple[Slot, ...], type_: str) -> Slot | None:
    return next((slot for slot in reversed(said) if slot.type == type_), None)
