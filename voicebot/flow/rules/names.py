"""Everything that a script names is there: steps, prompts, slots, disclosures."""

from __future__ import annotations

from collections.abc import Iterator

from voicebot.flow.dispositions import NEED_DISCLOSURE
from voicebot.flow.model import Prompt, SlotSpec
from voicebot.flow.rules.survey import Place, Survey


def inspect(survey: Survey) -> None:
    """Names that lead nowhere, and slots that may not be known when they are said."""
    script = survey.script
    for place, target in _targets(survey):
        survey.named(place, "step", target, script.steps)
    for place, says, acts in survey.speakers():
        for i, said in enumerate(says):
            survey.named((*place, i), "prompt", said, script.prompts)
        for i, act in enumerate(acts):
            for j, slot in enumerate(act.slots):
                survey.named((*place[:-1], "do", i, "slots", j), "slot", slot, script.slots)
    for place, branch in survey.branches():
        if branch.given:
            survey.named((*place, "given"), "slot", branch.given, script.slots)
            if (given := script.slots.get(branch.given)) and given.source != "callee":
                survey.add((*place, "given"), "not_heard", f"{branch.given} is not said by the callee",
                           "name a slot with `source: callee`")  # fmt: skip
    for name, spec in script.slots.items():
        if spec.below:
            survey.named(("slots", name, "below"), "slot", spec.below, script.slots)
    for name, prompt in survey.prompts.items():
        _prompt(survey, name, prompt)
    _disclosures(survey)


def _targets(survey: Survey) -> Iterator[tuple[Place, str]]:
    script = survey.script
    yield ("start",), script.start
    yield ("out_of_turns",), script.out_of_turns
    if script.ear_lost is not None:
        yield ("ear_lost",), script.ear_lost
    for place, branch in survey.branches():
        if branch.goto is not None:
            yield (*place, "goto"), branch.goto
    for name, step in script.steps.items():
        if step.goto is not None:
            yield ("steps", name, "goto"), step.goto
        for i, fork in enumerate(step.branch):
            yield ("steps", name, "branch", i, "goto"), fork.goto
    for name, listen in survey.listens():
        for key in ("no_input", "not_understood"):
            yield ("steps", name, "listen", key, "goto"), getattr(listen, key).goto


def _prompt(survey: Survey, name: str, prompt: Prompt) -> None:
    slots = survey.script.slots
    for key, wordings in (("text", prompt.wordings), ("otherwise", prompt.otherwise)):
        for i, wording in enumerate(wordings):
            place: Place = ("prompts", name, key, i)
            for slot in sorted(wording.slots):
                survey.named(place, "slot", slot, slots)
            unsure = [s for s in sorted(wording.slots) if (spec := slots.get(s)) and _may_be_unknown(spec)]
            is_last = i == len(wordings) - 1  # of `otherwise` the first is used whose slots are known
            if unsure and (is_last if key == "otherwise" else not prompt.otherwise):
                fix = "give the prompt an `otherwise` that does without it"
                survey.add(place, "maybe_unknown", f"{unsure[0]} may not be known when this is said", fix)
    if prompt.disclosure:
        survey.named(("prompts", name, "disclosure"), "disclosure", prompt.disclosure, survey.script.disclosures)


def _may_be_unknown(spec: SlotSpec) -> bool:
    return spec.optional or spec.source != "contact"


def _disclosures(survey: Survey) -> None:
    disclosures = survey.script.disclosures
    needed = {outcome for spec in disclosures.values() for outcome in spec.needed_for}
    for place, branch in survey.branches():
        if branch.outcome in NEED_DISCLOSURE - needed:
            fix = f"give a disclosure `needed_for: {branch.outcome}`"
            survey.add((*place, "outcome"), "missing_disclosure", f"{branch.outcome} without a disclosure", fix)
    said = {prompt.disclosure for prompt in survey.prompts.values()}
    for name in disclosures:
        if name not in said and ("disclosures", name) not in survey.borrowed:
            survey.add(("disclosures", name), "unsaid_disclosure", f"no prompt is the disclosure {name}",
                       f"give a prompt `disclosure: {name}`")  # fmt: skip
