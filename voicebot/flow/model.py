"""A script as its author writes it (`Script` and its parts, one class per kind of block in YAML), and as the robot
uses it (`Flow`). docs/flows.md explains every key.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from voicebot.flow.dialogue import Segment, Text, Value
from voicebot.flow.dispositions import FROM_SCRIPT, NEED_DISCLOSURE
from voicebot.flow.values import TYPES, canonical, written
from voicebot.flow.vocabulary import ACTS, HEARD_SLOTS, INTENTS


def _one_of(words: frozenset[str], what: str) -> AfterValidator:
    def check(word: str) -> str:
        if word not in words:
            raise ValueError(f"there is no {what} {word!r}; there are: {', '.join(sorted(words))}")
        return word

    return AfterValidator(check)


def _listed(value: Any) -> Any:
    """One thing may be written without its list."""
    return value if isinstance(value, list | tuple) or value is None else [value]


def _named(word: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", word):
        raise ValueError(f"{word!r} is no name: small letters, digits and _ are, a letter first")
    return word


Name = Annotated[str, AfterValidator(_named)]
Intent = Annotated[str, _one_of(INTENTS, "intent")]
Outcome = Annotated[str, _one_of(frozenset(d.value for d in FROM_SCRIPT), "outcome a script can give")]
Prompts = Annotated[tuple[str, ...], BeforeValidator(_listed)]
Intents = Annotated[tuple[Intent, ...], BeforeValidator(_listed)]
Wordings = Annotated[tuple[str, ...], BeforeValidator(_listed)]


def _all_listed(value: Any) -> Any:
    return {key: _listed(inner) for key, inner in value.items()} if isinstance(value, dict) else value


Conditions = Annotated[Mapping[str, tuple[str, ...]], BeforeValidator(_all_listed)]


class Part(BaseModel):
    """Any block of a script: frozen, and a key it does not know is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class SlotSpec(Part):
    """A value that prompts may say. `source`: the contact's data, the callee (`hears`: the type the understander
    gives it), or the script itself, which `set`s it. `before_identity`: whether it may be said before the callee has
    confirmed to be the client. `below`: the slot that must be greater; `future`: must lie after the call's start;
    `choices`: the values that a `choice` has. An optional slot is `needed_when` other slots have some value, and
    `below` counts only `below_when` they have.
    """

    type: Annotated[str, _one_of(TYPES, "type")]
    about: str = ""
    choices: tuple[str, ...] = ()
    source: Literal["contact", "callee", "script"] = "contact"
    hears: Annotated[str, _one_of(frozenset(HEARD_SLOTS), "slot that can be heard")] | None = None
    before_identity: bool = False
    optional: bool = False
    needed_when: Conditions = Field(default_factory=dict)
    below: str = ""
    below_when: Conditions = Field(default_factory=dict)
    future: bool = False

    @model_validator(mode="after")
    def _agree(self) -> SlotSpec:
        if (self.source == "callee") != (self.hears is not None):
            raise ValueError("a slot from the callee needs `hears`, one from the contact must not have it")
        if self.needed_when and not self.optional:
            raise ValueError("`needed_when` is for an optional slot; others are always needed")
        if self.below_when and not self.below:
            raise ValueError("`below_when` needs `below`")
        if (self.type == "choice") != bool(self.choices):
            raise ValueError("a choice needs its `choices`; other types must not have them")
        for choice in self.choices:
            canonical("text", choice)
        if self.source == "script" and (self.optional or self.below or self.future):
            raise ValueError("a slot that the script sets is neither optional nor below or future of anything")
        if self.hears is not None and HEARD_SLOTS[self.hears] != self.type:
            raise ValueError(f"what is heard as {self.hears} has the type {HEARD_SLOTS[self.hears]}")
        if self.below and self.type not in ("money", "percent", "integer"):
            raise ValueError("`below` is for money, percent or integer")
        if self.future and self.type not in ("date", "full_date", "datetime"):
            raise ValueError("`future` is for a date, full_date or datetime")
        return self

    def canonical(self, text: str) -> str:
        """A value's one form. Raises `ValueError` with what is wanted instead."""
        value = canonical(self.type, text)
        if self.choices and value not in self.choices:
            raise ValueError(f"one of {', '.join(self.choices)} is wanted")
        return value


class DisclosureSpec(Part):
    """A statement the client must hear to its end. `needed_for`: outcomes that hold only after it."""

    about: str = ""
    needed_for: Annotated[tuple[Outcome, ...], BeforeValidator(_listed)] = ()


class PromptSpec(Part):
    """What is said. `text`: one wording or several, used in turn; `otherwise`: while a slot of `text` is not known, the
    first of these whose slots are. A prompt with `disclosure` is never interrupted.
    """

    text: Annotated[Wordings, Field(min_length=1)]
    otherwise: Wordings = ()
    interruptible: bool = True
    disclosure: str = ""


class ActSpec(Part):
    """Something outside the call: its kind, the slots it carries, and a fixed `reason`. A `message` names its approved
    `template`, a `webhook` the `hook` of the configuration that it goes to.
    """

    act: Annotated[str, _one_of(ACTS, "act")]
    slots: Annotated[tuple[str, ...], BeforeValidator(_listed)] = ()
    reason: str = ""
    template: Annotated[str, Field(pattern="^([a-z][a-z0-9_]*)?$")] = ""
    hook: Annotated[str, Field(pattern="^([a-z][a-z0-9_]*)?$")] = ""

    @model_validator(mode="after")
    def _agree(self) -> ActSpec:
        for key, kind in (("template", "message"), ("hook", "webhook")):
            if bool(getattr(self, key)) != (self.act == kind):
                raise ValueError(f"`{key}` belongs to a {kind}; a {kind} needs it")
        return self


def _act(value: Any) -> Any:
    return {"act": value} if isinstance(value, str) else value


def _texts(value: Any) -> Any:
    """Values are texts, however YAML reads them."""
    if isinstance(value, dict):
        return {
            key: str(v) if isinstance(v, int | float) and not isinstance(v, bool) else v for key, v in value.items()
        }
    return value


Setting = Annotated[Mapping[str, str], BeforeValidator(_texts)]
Acts = Annotated[tuple[Annotated[ActSpec, BeforeValidator(_act)], ...], BeforeValidator(_listed)]


class Branch(Part):
    """What follows when the callee says something. It fits when one of `heard` was meant (and all of `also`), and the
    slot `given` was said in the same breath (`same`: with the value it already had); `when_identified`
    limits it to before or after the identity check; a branch with `identified: true` needs an explicit word (confidence
    of 0.9 and more); `at_most` is how often it may be taken in a call. Then: acts,
    prompts, and exactly one of `goto`, `ask_again`, `repeat`, `wait_s`. `questions`: what becomes of a question asked
    in the same breath - it is answered instead of going on, answered first, or skipped.
    """

    heard: Intents = ()
    also: Intents = ()
    given: str = ""
    same: bool = False
    when_identified: bool | None = None
    at_most: Annotated[int, Field(ge=1)] | None = None
    questions: Literal["instead", "first", "skip"] = "instead"
    identified: bool | None = None
    outcome: Outcome | None = None
    set: Setting = Field(default_factory=dict)
    do: Acts = ()
    say: Prompts = ()
    goto: str | None = None
    ask_again: bool = False
    repeat: bool = False
    wait_s: Annotated[float, Field(ge=1, le=60)] | None = None

    @model_validator(mode="after")
    def _agree(self) -> Branch:
        if not self.heard and not self.given:
            raise ValueError("nothing to hear: a branch needs `heard`, `given` or both")
        if self.same and not self.given:
            raise ValueError("`same` speaks of the slot `given`: name it")
        if sum((self.goto is not None, self.ask_again, self.repeat, self.wait_s is not None)) != 1:
            raise ValueError("exactly one of goto, ask_again, repeat, wait_s must say what follows")
        return self


class Answer(Part):
    """The reply to a question, after which the step asks again. `before_identity`: what is said instead until the
    callee has confirmed to be the client.
    """

    say: Annotated[Prompts, Field(min_length=1)]
    before_identity: Prompts = ()
    do: Acts = ()


class Fallback(Part):
    """What is said the first, second, … time, and where the call goes after that."""

    say: Prompts = ()
    goto: str


class KeyValue(Part):
    """A key that stands for a value: `slot` of the callee and what it is given."""

    slot: str
    value: Annotated[str, BeforeValidator(lambda v: str(v) if isinstance(v, int) else v)]


class ListenSpec(Part):
    """Wait for the callee. `silence_s`: seconds without speech that count as silence; `keys`: what a key means, an
    intent or a slot's value.
    """

    silence_s: Annotated[float, Field(ge=1, le=60)] = 10.0
    keys: Mapping[Annotated[str, Field(pattern=r"^[0-9*#]$")], Intent | KeyValue] = Field(default_factory=dict)
    ask_again: Annotated[Prompts, Field(min_length=1)]
    branches: tuple[Branch, ...] = ()
    no_input: Fallback
    not_understood: Fallback


class Fork(Part):
    """One way on from a step, taken when the data says so: the `slot` is one of the values `is`, is `known` or not,
    or lies `below` another slot (or is `at_least` it).
    """

    slot: str
    is_: Annotated[tuple[str, ...], BeforeValidator(_listed)] = Field(default=(), alias="is")
    known: bool | None = None
    below: str = ""
    at_least: str = ""
    goto: str

    @model_validator(mode="after")
    def _agree(self) -> Fork:
        if sum((bool(self.is_), self.known is not None, bool(self.below), bool(self.at_least))) != 1:
            raise ValueError("exactly one of is, known, below, at_least must say when")
        return self


class Step(Part):
    """One place in the script: acts and prompts, then exactly one of `listen`, `goto`, `end`. With `branch` the first
    fork that fits is taken, and `goto` when none does.
    """

    about: str = ""
    outcome: Outcome | None = None
    set: Setting = Field(default_factory=dict)
    do: Acts = ()
    say: Prompts = ()
    listen: ListenSpec | None = None
    branch: tuple[Fork, ...] = ()
    goto: str | None = None
    end: bool = False

    @model_validator(mode="after")
    def _agree(self) -> Step:
        if sum((self.listen is not None, self.goto is not None, self.end)) != 1:
            raise ValueError("exactly one of listen, goto, end must say what follows")
        if self.branch and self.goto is None:
            raise ValueError("`branch` needs a `goto` for when none of its forks fits")
        if self.outcome in NEED_DISCLOSURE:
            raise ValueError(f"{self.outcome} belongs to the branch in which the callee says so, not to a step")
        return self


class Suitability(Part):
    """What a marketing script needs before it may be dialled (docs/domain.md §3.2): the contact's slots with the
    client's grade (C1–C5), the product's (R1–R5), the day until which the client's grade is valid, and the reference of
    the live consent.
    """

    client: str
    product: str
    valid_until: str
    consent: str


class Script(Part):
    """A whole flow.yaml, its included parts in it. `off`: why it must not be dialled. `urgent` branches come before a
    step's own, `anywhere` after them; `answers` maps a question to its reply. After `max_turns` turns of the callee the
    call goes to `out_of_turns`; when the recogniser is lost in the middle of a call, to `ear_lost`, from where only
    keys lead on.
    """

    name: Name
    title: Annotated[str, Field(min_length=1, max_length=60)]
    kind: Literal["service", "marketing"]
    about: str = ""
    off: str = ""
    suitability: Suitability | None = None
    start: str
    max_turns: Annotated[int, Field(ge=1, le=200)] = 40
    out_of_turns: str
    ear_lost: str | None = None
    slots: Mapping[Name, SlotSpec] = Field(default_factory=dict)
    disclosures: Mapping[Name, DisclosureSpec] = Field(default_factory=dict)
    urgent: tuple[Branch, ...] = ()
    anywhere: tuple[Branch, ...] = ()
    answers: Mapping[Intent, Answer] = Field(default_factory=dict)
    steps: Annotated[Mapping[Name, Step], Field(min_length=1)]
    prompts: Annotated[Mapping[Name, PromptSpec], Field(min_length=1)]

    @model_validator(mode="before")
    @classmethod
    def _short_prompts(cls, data: Any) -> Any:
        """A prompt with nothing but its words may be written as those words."""
        if isinstance(data, dict):
            data = {key: value for key, value in data.items() if key != "include"}
        if isinstance(data, dict) and isinstance(prompts := data.get("prompts"), dict):
            short = {name: {"text": p} if isinstance(p, str | list) else p for name, p in prompts.items()}
            return {**data, "prompts": short}
        return data


@dataclass(frozen=True, slots=True)
class Reference:
    """A slot's place in a prompt."""

    slot: str


@dataclass(frozen=True, slots=True)
class Wording:
    """One wording, cut at its slots."""

    parts: tuple[str | Reference, ...]

    @property
    def slots(self) -> frozenset[str]:
        """The slots it says."""
        return frozenset(part.slot for part in self.parts if isinstance(part, Reference))

    @property
    def literal(self) -> str:
        """The approved words alone, slots left out as a gap."""
        return "".join(part if isinstance(part, str) else " " for part in self.parts)


_PART = re.compile(r"\{([a-z][a-z0-9_]*)\}|([^{}]+)")


def cut(text: str) -> Wording:
    """Cut a text at its `{slot}`s. Raises `ValueError` for braces that hold no slot name."""
    parts: list[str | Reference] = []
    end = 0
    for match in _PART.finditer(text):
        if match.start() != end:
            break
        parts.append(Reference(match[1]) if match[1] else match[2])
        end = match.end()
    if end != len(text):
        raise ValueError("a brace that holds no slot name")
    return Wording(tuple(parts))


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt ready for use."""

    id: str
    wordings: tuple[Wording, ...]
    otherwise: tuple[Wording, ...]
    interruptible: bool
    disclosure: str

    def wording(self, known: Mapping[str, str], times: int) -> Wording:
        """The wording for the `times`-th use (from 0), given the slots that are known."""
        complete = all(wording.slots <= known.keys() for wording in self.wordings)
        if complete or not self.otherwise:
            return self.wordings[times % len(self.wordings)]
        return next((w for w in self.otherwise if w.slots <= known.keys()), self.otherwise[-1])


@dataclass(frozen=True, slots=True)
class Flow:
    """A checked script. `version`: sha256 over all files of its folder and the shared parts it includes; it names what
    was approved.
    """

    name: str
    kind: str
    version: str
    script: Script
    prompts: Mapping[str, Prompt]

    @property
    def expected(self) -> frozenset[str]:
        """Every intent that the script waits for anywhere."""
        listens = [step.listen for step in self.script.steps.values() if step.listen is not None]
        branches = [*self.script.urgent, *self.script.anywhere, *(b for listen in listens for b in listen.branches)]
        return frozenset(self.script.answers).union(*((*branch.heard, *branch.also) for branch in branches))

    def segments(self, wording: Wording, known: Mapping[str, str]) -> tuple[Segment, ...]:
        """A wording with its values in place."""
        return tuple(
            Text(part) if isinstance(part, str) else self.value(part.slot, known[part.slot]) for part in wording.parts
        )

    def value(self, slot: str, value: str) -> Value:
        """A canonical value with its type and written form. A callee may name a day alone: then it is a date."""
        type_ = self.script.slots[slot].type
        if type_ == "datetime" and "T" not in value:
            type_ = "date"
        type_ = "text" if type_ == "choice" else type_
        return Value(slot, type_, value, written(type_, value))

    def heard(self, slot: str, value: str) -> str | None:
        """The canonical form of what the understander heard for a slot of the callee, None where it cannot be said back
        (a range of amounts).
        """
        type_ = self.script.slots[slot].type
        if type_ == "datetime":
            type_, value = ("datetime", value[:16]) if len(value) > 10 else ("date", value)
        if type_ == "choice":
            return value if value in self.script.slots[slot].choices else None
        try:
            return canonical(type_, value)
        except ValueError:
            return None
