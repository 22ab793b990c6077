"""A script as its author writes it (`Script` and its parts, one class per kind of block in YAML), and as the robot
uses it (`Flow`). docs/flows.md explains every key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from voicebot.flow.dialogue import Segment, Text, Value
from voicebot.flow.dispositions import NEED_DISCLOSURE
from voicebot.flow.prompt import Prompt as Prompt
from voicebot.flow.prompt import Reference as Reference
from voicebot.flow.prompt import Wording as Wording
from voicebot.flow.prompt import cut as cut
from voicebot.flow.take import Take
from voicebot.flow.terms import (
    Conditions,
    Intent,
    Intents,
    Key,
    Name,
    NameOrNone,
    Names,
    OneOf,
    OrOne,
    Outcomes,
    Prompts,
    Setting,
    Short,
    StepName,
    TextValue,
    TextValues,
    Wordings,
    mistake,
)  # fmt: skip
from voicebot.flow.terms import Outcome as Outcome
from voicebot.flow.values import COMPARABLE, TYPES, canonical, written
from voicebot.flow.vocabulary import ACTS, HEARD_SLOTS, banned_in


class Part(BaseModel):
    """Any block of a script: frozen, and a key it does not know is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


def _bad_slot(key: str, message: str, fix: str) -> PydanticCustomError:
    return mistake("bad_slot", message, fix, key)


class SlotSpec(Part):
    """A value that prompts may say. `source`: the contact's data, the callee (`hears`: the type the understander
    gives it), or the script itself, which `set`s it. `before_identity`: whether it may be said before the callee has
    confirmed to be the client. `below`: the slot that must be greater; `future`, `past`: must lie after, or before,
    the call's start; `choices`: the values that a `choice` has. An optional slot is `needed_when` other slots have some
    value, and `below` counts only `below_when` they have.
    """

    type: Annotated[str, OneOf(TYPES, "unknown_type", "type")]
    about: str = ""
    choices: TextValues = ()
    source: Literal["contact", "callee", "script"] = "contact"
    hears: Annotated[str, OneOf(frozenset(HEARD_SLOTS), "unknown_hears", "value that can be heard as")] | None = None
    before_identity: bool = False
    optional: bool = False
    needed_when: Conditions = Field(default_factory=dict)
    below: str = ""
    below_when: Conditions = Field(default_factory=dict)
    future: bool = False
    past: bool = False

    @model_validator(mode="after")
    def _agree(self) -> SlotSpec:
        if self.source == "callee" and self.hears is None:
            raise _bad_slot("source", "a slot from the callee does not say what it hears",
                            f"add `hears`, one of: {', '.join(sorted(HEARD_SLOTS))}")  # fmt: skip
        if self.source != "callee" and self.hears is not None:
            raise _bad_slot("hears", "only a slot from the callee hears", "add `source: callee`, or remove `hears`")
        if self.hears is not None and HEARD_SLOTS[self.hears] != self.type:
            type_ = HEARD_SLOTS[self.hears]
            raise _bad_slot("type", f"what is heard as {self.hears} is no {self.type}", f"write `type: {type_}`")
        if self.type == "choice" and not self.choices:
            raise _bad_slot("type", "a choice without its choices", "add `choices: [one, another]`")
        if self.type != "choice" and self.choices:
            raise _bad_slot("choices", f"a {self.type} has no choices", "write `type: choice`, or remove `choices`")
        self._choices_agree()
        kept = next((key for key in ("below", "future", "past", "needed_when") if getattr(self, key)), "")
        if self.source != "contact" and (key := kept):
            raise _bad_slot(key, f"`{key}` is for the contact's data: nothing else is checked before the dial",
                            f"remove `{key}`")  # fmt: skip
        if self.source == "script" and self.optional:
            raise _bad_slot("optional", "a slot that the script sets is not optional", "remove `optional`")
        if self.below and self.type not in COMPARABLE:
            raise _bad_slot("below", f"a {self.type} is not compared", "use `below` for money, percent or integer")
        if (self.future or self.past) and self.type not in ("date", "full_date", "datetime"):
            key = "future" if self.future else "past"
            raise _bad_slot(key, f"a {self.type} is neither past nor future", f"use `{key}` for a date or datetime")
        if self.future and self.past:
            raise _bad_slot("past", "no moment is both past and future", "keep one")
        if self.needed_when and not self.optional:
            raise _bad_slot("needed_when", "a slot that is not optional is always needed", "add `optional: true`")
        if self.below_when and not self.below:
            raise _bad_slot("below_when", "`below_when` without `below`", "add `below: SLOT`")
        return self

    def _choices_agree(self) -> None:
        for choice in self.choices:
            try:
                kept = canonical("choice", choice)
            except ValueError as error:
                if word := banned_in(choice):
                    raise mistake("banned_word", f"the choice {choice} holds {word}, which must never be said",
                                   "say it without promise or tip", "choices") from None  # fmt: skip
                raise _bad_slot("choices", f"the choice {choice!r} cannot be kept: {error}", "change it") from None
            if kept != choice:
                raise _bad_slot("choices", f"the choice {choice!r} has spaces around it", "remove them")
        if len(set(self.choices)) != len(self.choices):
            raise _bad_slot("choices", "a choice is there twice", "keep one")

    def canonical(self, text: str) -> str:
        """A value's one form. Raises `ValueError` with what is wanted instead."""
        value = canonical(self.type, text)
        if self.choices and value not in self.choices:
            raise ValueError(f"one of {', '.join(self.choices)} is wanted")
        return value


class DisclosureSpec(Part):
    """A statement the client must hear to its end. `needed_for`: outcomes that hold only after it."""

    about: str = ""
    needed_for: Outcomes = ()


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

    act: Annotated[str, OneOf(ACTS, "unknown_act", "act")]
    slots: Names = ()
    reason: str = ""
    template: NameOrNone = ""
    hook: NameOrNone = ""

    @model_validator(mode="after")
    def _agree(self) -> ActSpec:
        for key, kind in (("template", "message"), ("hook", "webhook")):
            if getattr(self, key) and self.act != kind:
                raise mistake("bad_act", f"a {self.act} has no {key}", f"remove `{key}`", key)
            if self.act == kind and not getattr(self, key):
                raise mistake("bad_act", f"a {kind} without its {key}", f"write `{{act: {kind}, {key}: NAME}}`")
        return self


Acts = Annotated[tuple[Annotated[ActSpec, Short("act", (str,))], ...], OrOne()]


def _one_way(block: BaseModel, keys: tuple[str, ...], what: str, fix: str) -> None:
    ways = [key for key in keys if getattr(block, key) not in (None, False)]
    if not ways:
        raise mistake("dead_end", f"a {what} after which nothing follows", fix)
    if len(ways) > 1:
        raise mistake("two_ways", f"a {what} after which {' and '.join(ways)} follow", "keep one of them", ways[1])


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
            raise mistake("nothing_heard", "a branch that waits for nothing", "give it `heard`, `given` or both")
        if self.same and not self.given:
            raise mistake("nothing_heard", "`same` speaks of the slot `given`, which is not named", "add `given`",
                           "same")  # fmt: skip
        _one_way(self, ("goto", "ask_again", "repeat", "wait_s"), "branch", "add `goto: STEP`, `ask_again: true`, "
                 "`repeat: true` or `wait_s: SECONDS`")  # fmt: skip
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
    value: TextValue


# By its form, so that a mistake in one is not complained of as two.
Meaning = Annotated[
    Annotated[Intent, Tag("intent")] | Annotated[KeyValue, Tag("value")],
    Discriminator(lambda v: "value" if isinstance(v, dict | KeyValue) else "intent"),
]


class ListenSpec(Part):
    """Wait for the callee. `silence_s`: seconds without speech that count as silence; `keys`: what a key means, an
    intent or a slot's value.
    """

    silence_s: Annotated[float, Field(ge=1, le=60)] = 10.0
    keys: Mapping[Key, Meaning] = Field(default_factory=dict)
    ask_again: Annotated[Prompts, Field(min_length=1)]
    branches: tuple[Branch, ...] = ()
    no_input: Fallback
    not_understood: Fallback


class Fork(Part):
    """One way on from a step, taken when the data says so: the `slot` is one of the values `is`, is `known` or not,
    or lies `below` another slot (or is `at_least` it).
    """

    slot: str
    is_: Annotated[TextValues, Field(alias="is")] = ()
    known: bool | None = None
    below: str = ""
    at_least: str = ""
    goto: str

    @model_validator(mode="after")
    def _agree(self) -> Fork:
        if sum((bool(self.is_), self.known is not None, bool(self.below), bool(self.at_least))) != 1:
            fix = "write exactly one of `is: VALUE`, `known: true`, `below: SLOT`, `at_least: SLOT`"
            raise mistake("bad_fork", "a fork that does not say when it is taken", fix)
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
        if self.branch and self.goto is None:
            raise mistake("dead_end", "`branch` without a way for when none of its forks fits", "add `goto: STEP`",
                           "branch")  # fmt: skip
        _one_way(self, ("listen", "goto", "end"), "step", "add `listen`, `goto: STEP` or `end: true`")
        if self.outcome in NEED_DISCLOSURE:
            fix = "write it in the branch in which the callee says so"
            raise mistake("step_outcome", f"{self.outcome} is not a step's to give", fix, "outcome")
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
    steps: Annotated[Mapping[StepName, Step], Field(min_length=1)]
    prompts: Annotated[Mapping[Name, Annotated[PromptSpec, Short("text", (str, list))]], Field(min_length=1)]

    @model_validator(mode="before")
    @classmethod
    def _included(cls, data: Any) -> Any:
        """What is included is in it already."""
        return {key: value for key, value in data.items() if key != "include"} if isinstance(data, dict) else data


@dataclass(frozen=True, slots=True)
class Flow:
    """A checked script. `version`: sha256 over all files of its folder and the shared parts it includes; it names what
    was approved. `recordings`: by file name (`voicebot.flow.recorded`).
    """

    name: str
    kind: str
    version: str
    script: Script
    prompts: Mapping[str, Prompt]
    recordings: Mapping[str, Take] = field(default_factory=dict)

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
