"""What a well-formed script must still obey: everything it names exists, every path ends, and nothing is said that the
trade or the law forbids. One module for each kind of rule; docs/flows.md lists them all.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from voicebot.flow.document import Document
from voicebot.flow.model import Prompt, Script
from voicebot.flow.problems import Problem
from voicebot.flow.rules import data, disclosures, identity, keys, names, paths, precedence, wording
from voicebot.flow.rules.survey import Place, Survey
from voicebot.flow.rules.walk import Walk
from voicebot.flow.rules.wording import SYLLABLES_PER_S as SYLLABLES_PER_S

_LEADING_NOWHERE = frozenset({"unknown_step", "unknown_prompt", "unknown_disclosure", "undefined_slot"})


def problems(
    script: Script, prompts: Mapping[str, Prompt], doc: Document, borrowed: Collection[Place] = ()
) -> list[Problem]:
    """All mistakes in a script that has the right shape. `doc`: where its lines are; `borrowed`: the places that came
    with shared parts, where it is no mistake that something is not used.
    """
    survey = Survey(script, prompts, doc, borrowed)
    names.inspect(survey)
    data.inspect(survey)
    wording.inspect(survey)
    if any(problem.code in _LEADING_NOWHERE for problem in survey.found):
        return list(survey.found)  # paths through names that do not exist lead nowhere
    paths.inspect_rings(survey)
    if any(problem.code == "endless" for problem in survey.found):
        return list(survey.found)
    walk = Walk(survey)
    paths.inspect(survey, walk)
    keys.inspect(survey, walk)
    identity.inspect(survey, walk)
    disclosures.inspect(survey)
    precedence.inspect(survey, walk)
    return list(survey.found)


def without_unused(
    script: Script, prompts: Mapping[str, Prompt], borrowed: Collection[Place]
) -> tuple[Script, Mapping[str, Prompt]]:
    """A sound script without the steps, prompts and slots of shared parts that it never comes to: what is left is all
    that the robot may ever say.
    """
    nowhere = Document("", {}, {})
    reached = Walk(Survey(script, prompts, nowhere, borrowed)).reached
    script = script.model_copy(
        update={"steps": {n: s for n, s in script.steps.items() if n in reached or ("steps", n) not in borrowed}}
    )
    said = {prompt for _, says, _ in Survey(script, prompts, nowhere).speakers() for prompt in says}
    kept = {n: p for n, p in prompts.items() if n in said or p.disclosure or ("prompts", n) not in borrowed}
    used = Survey(script, kept, nowhere).slots_used()
    slots = {n: s for n, s in script.slots.items() if n in used or ("slots", n) not in borrowed}
    specs = {n: s for n, s in script.prompts.items() if n in kept}
    return script.model_copy(update={"slots": slots, "prompts": specs}), kept


def when_said(script: Script, prompts: Mapping[str, Prompt]) -> Mapping[str, frozenset[bool]]:
    """For every prompt of a sound script that a call may come to: whether the callee has confirmed to be the client
    (True), not yet (False), or either.
    """
    walk = Walk(Survey(script, prompts, Document("", {}, {})))
    return {prompt: frozenset(when) for prompt, when in walk.said.items()}
