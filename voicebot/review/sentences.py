"""Every sentence of a script: how it sounds with a sample contact, when it is said, and where."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path

from voicebot.flow.model import Flow, Prompt, Wording
from voicebot.flow.rules import when_said
from voicebot.flow.sample import SAMPLE, sample_slots
from voicebot.review import chinese
from voicebot.review.graph import ANYWHERE, QUESTIONS, URGENT

# The sample's days are counted from here, so that the same script always gives the same page.
SAMPLE_DAY = datetime(2026, 1, 5, 10, 0)
AGAIN = "@again"  # where a disclosure that was cut off is said once more
# What a callee might say, by the slot's type: for examples only.
_SAID = {
    "name": "李明",
    "title": "先生",
    "money": "200000.00",
    "percent": "50",
    "date": "2026-01-07",
    "time": "15:00",
    "full_date": "2026-01-06",
    "datetime": "2026-01-06T15:00",
    "digits": "600000",
    "integer": "8",
    "text": "客户原话",
}


def sample(folder: Path) -> Mapping[str, str]:
    """The sample contact beside a script, none where there is no such file. Raises `FlowError` for a wrong one."""
    return sample_slots(folder, SAMPLE_DAY) if (folder / SAMPLE).is_file() else {}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a prompt is said: `node` of the graph, and on what occasion there."""

    node: str
    occasion: str


@dataclass(frozen=True)
class Sentences:
    """The prompts of a script. `contact`: a sample contact's data as text; a value that does not fit its slot is left
    out.
    """

    flow: Flow
    contact: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def known(self) -> Mapping[str, str]:
        """A value for every slot that an example can show."""
        known = {}
        for name, spec in self.flow.script.slots.items():
            text = self.contact.get(name, "") if spec.source == "contact" else self._made_up(name)
            try:
                known[name] = spec.canonical(text)
            except ValueError:
                continue
        return known

    def _made_up(self, slot: str) -> str:
        script = self.flow.script
        spec = script.slots[slot]
        branches = [*script.urgent, *script.anywhere]
        branches += [b for step in script.steps.values() if step.listen is not None for b in step.listen.branches]
        settings = [*(step.set for step in script.steps.values()), *(branch.set for branch in branches)]
        set_ = [values[slot] for values in settings if slot in values]
        return (*set_, *spec.choices, _SAID.get(spec.type, ""))[0]

    def example(self, wording: Wording) -> str:
        """How a wording reads with the sample's values, "" where nothing varies or a value is not known."""
        if not wording.slots or not wording.slots <= self.known.keys():
            return ""
        return "".join(
            part if isinstance(part, str) else self.flow.value(part.slot, self.known[part.slot]).written
            for part in wording.parts
        )

    def value(self, slot: str) -> str:
        """A slot's value in the examples, "" if it has none."""
        return self.flow.value(slot, self.known[slot]).written if slot in self.known else ""

    def unsure(self, prompt: Prompt) -> list[str]:
        """The slots of a prompt that may not be known when it is said: then its `otherwise` is."""
        specs = self.flow.script.slots
        used = {slot for wording in prompt.wordings for slot in wording.slots}
        return [name for name, spec in specs.items() if name in used and (spec.optional or spec.source != "contact")]

    @cached_property
    def when(self) -> Mapping[str, frozenset[bool]]:
        """Per prompt whether the callee has confirmed to be the client (True), not yet (False) or either when it is
        said; a prompt that is never said is not there.
        """
        return when_said(self.flow.script, self.flow.prompts)

    @cached_property
    def places(self) -> Mapping[str, tuple[Place, ...]]:
        """Every place at which a prompt is said, by prompt."""
        found: dict[str, list[Place]] = {name: [] for name in self.flow.prompts}
        for prompt, place in self._places():
            if place not in found[prompt]:
                found[prompt].append(place)
        return {name: tuple(places) for name, places in found.items()}

    def _places(self) -> Iterator[tuple[str, Place]]:
        script = self.flow.script
        for name, step in script.steps.items():
            yield from _at(name, "进入时", step.say)
            if (listen := step.listen) is None:
                continue
            yield from _at(name, "再问时", listen.ask_again)
            yield from _at(name, chinese.SILENCE, listen.no_input.say)
            yield from _at(name, chinese.UNCLEAR, listen.not_understood.say)
            for branch in listen.branches:
                yield from _at(name, chinese.heard(script, branch), branch.say)
        for node, branches in ((URGENT, script.urgent), (ANYWHERE, script.anywhere)):
            for branch in branches:
                yield from _at(node, chinese.heard(script, branch), branch.say)
        for intent, answer in script.answers.items():
            yield from _at(QUESTIONS, chinese.intent(intent), answer.say)
            yield from _at(QUESTIONS, f"{chinese.intent(intent)}，身份未确认", answer.before_identity)
        for prompt in self.flow.prompts.values():
            if prompt.disclosure and script.disclosures[prompt.disclosure].needed_for:
                yield prompt.id, Place(AGAIN, "未听完而表态时重播")


def _at(node: str, occasion: str, prompts: Iterable[str]) -> Iterator[tuple[str, Place]]:
    return ((prompt, Place(node, occasion)) for prompt in prompts)
