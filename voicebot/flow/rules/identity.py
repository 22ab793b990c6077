"""docs/domain.md §3.6: nothing about an account before the callee has confirmed to be the client."""

from __future__ import annotations

from voicebot.flow.model import Branch
from voicebot.flow.rules.survey import Place, Survey
from voicebot.flow.rules.walk import Walk, takes
from voicebot.flow.rules.wording import known_values, readings
from voicebot.flow.vocabulary import ACCOUNT_WORDS

# Who says these is not the client.
_OTHERS = ("not_self", "wrong_number")
# "是的" says who one is only where that was asked; there its longer form (是我, 我就是) must count as well.
_CONFIRMING = ("identity_confirm", "affirm")


def inspect(survey: Survey, walk: Walk) -> None:
    """Account data told too early, an identity that is taken for confirmed too lightly, or kept when it is denied."""
    _told_early(survey, walk)
    for place, branch in survey.branches():
        if branch.identified:
            _weak(survey, place, branch)
            continue
        other = next((intent for intent in _OTHERS if intent in branch.heard), "")
        if other and branch.identified is None and any(m.identified and takes(branch, m) for m in walk.moods_at(place)):
            survey.add(place, "still_identified", f"who says {other} stays confirmed as the client",
                       "add `identified: false`")  # fmt: skip


def _told_early(survey: Survey, walk: Walk) -> None:
    values = known_values(survey)
    slots = survey.script.slots
    for name, when in walk.said.items():
        if False not in when:
            continue
        prompt = survey.prompts[name]
        step = walk.first_step[name]
        for key, wordings in (("text", prompt.wordings), ("otherwise", prompt.otherwise)):
            for i, wording in enumerate(wordings):
                told = next((slot for slot in sorted(wording.slots) if not slots[slot].before_identity), "")
                how = ""
                if not told:
                    told, how = next(
                        ((word, how) for said, how in readings(wording, values) for word in ACCOUNT_WORDS
                         if word in said), ("", ""),
                    )  # fmt: skip
                if told:
                    survey.add(
                        ("prompts", name, key, i), "before_identity",
                        f"{told} can be told in step {step} before the callee has confirmed to be the client{how}",
                        "ask who is speaking first, or give an answer its `before_identity`",
                    )  # fmt: skip


def _weak(survey: Survey, place: Place, branch: Branch) -> None:
    """Who identifies must say so, in answer to the question who it is."""
    fix = "identify by `heard: identity_confirm`"
    if not branch.heard:
        survey.add(place, "weak_identity", "whatever words come with the slot identify the callee", fix)
        return
    if other := next((i for i in (*branch.heard, *branch.also) if i not in _CONFIRMING), ""):
        survey.add((*place, "heard"), "weak_identity", f"who says {other} has not confirmed to be the client", fix)
        return
    if "affirm" not in branch.heard:
        return
    if place[0] != "steps":
        survey.add((*place, "heard"), "weak_identity", "a yes to any question at all identifies the callee", fix)
    elif "identity_confirm" not in branch.heard:
        survey.add((*place, "heard"), "weak_identity", "a yes identifies, but 是我 or 我就是 does not",
                   "write `heard: [identity_confirm, affirm]` where the step asks who it is")  # fmt: skip
    else:
        listen = survey.script.steps[str(place[1])].listen
        for key, meaning in listen.keys.items() if listen is not None else ():
            if meaning == "affirm":
                survey.add(("steps", place[1], "listen", "keys", key), "weak_identity",
                           f"key {key} means a yes to anything, and identifies the callee",
                           f"write `{key}: identity_confirm`")  # fmt: skip
