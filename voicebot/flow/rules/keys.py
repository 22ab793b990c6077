"""What a step waits for has an answer: every key, every key that a prompt names, every yes its no."""

from __future__ import annotations

import re
from collections.abc import Iterable

from voicebot.flow.model import KeyValue, ListenSpec
from voicebot.flow.rules.survey import Place, Survey
from voicebot.flow.rules.walk import Walk

# 按一, 按数字一, 按星号键; not 按一定比例, 按三方协议.
_NAMED = re.compile(
    r"按(?:下|数字|数字键|键)?([零一二三四五六七八九]|星号?|井号?)(?:号?键)?"
    r"(?![般定次样半年月天个方笔期季日元万千百十亿档级种项些倍位线手股分点])"
)
_SPOKEN = {**{c: str(i) for i, c in enumerate("零一二三四五六七八九")}, "星": "*", "星号": "*", "井": "#", "井号": "#"}

Named = dict[str, Place]  # a key that was named, and where it was said


def inspect(survey: Survey, walk: Walk) -> None:
    """Keys without an answer, keys that are named and not listened for, and a yes without its no."""
    everywhere = {name for _, branch in survey.everywhere() for name in branch.heard} | set(survey.script.answers)
    hears_everywhere = {_hears(survey, branch.given) for _, branch in survey.everywhere() if branch.given}
    for name, listen in survey.listens():
        if name not in walk.reached:
            continue
        own = {intent for branch in listen.branches for intent in branch.heard}
        given = hears_everywhere | {_hears(survey, branch.given) for branch in listen.branches if branch.given}
        for key, meaning in listen.keys.items():
            is_value = isinstance(meaning, KeyValue)
            what = meaning.slot if isinstance(meaning, KeyValue) else meaning
            if not (_hears(survey, what) in given if is_value else what in everywhere | own):
                place: Place = ("steps", name, "listen", "keys", key)
                survey.add(place, "no_answer", f"key {key} means {what}, and no branch of {name} answers that",
                           f"add a branch for {what}")  # fmt: skip
        if not listen.branches and not listen.keys:
            survey.warn(("steps", name, "listen"), "no_answer", f"{name} listens, and no branch of its own answers",
                        "add `branches`, or go on without listening")  # fmt: skip
        if "affirm" in own and "deny" not in everywhere | own:
            survey.warn(("steps", name, "listen"), "one_sided", f"{name} has an answer to a yes and none to a no",
                        "add a branch for deny")  # fmt: skip
    _Naming(survey, walk).inspect()


def _hears(survey: Survey, slot: str) -> str | None:
    return survey.script.slots[slot].hears


class _Naming:
    """Follows the keys that prompts name to the step that listens next."""

    def __init__(self, survey: Survey, walk: Walk) -> None:
        self._survey = survey
        self._walk = walk
        self._of_prompt = {
            name: frozenset(
                _SPOKEN[said]
                for wording in (*prompt.wordings, *prompt.otherwise)
                for said in _NAMED.findall(wording.literal)
            )
            for name, prompt in survey.prompts.items()
        }

    def inspect(self) -> None:
        survey = self._survey
        arriving: dict[str, Named] = {}
        for place, branch in survey.branches():
            if branch.goto is not None and (named := self._in((*place, "say"), branch.say)):
                arriving.setdefault(branch.goto, {}).update(named)
        for name in self._in_order():
            step = survey.script.steps[name]
            named = {**arriving.get(name, {}), **self._in(("steps", name, "say"), step.say)}
            if step.listen is not None:
                self._listened(name, step.listen, named)
            elif step.end:
                for key, place in named.items():
                    survey.add(place, "unheard_key", f"key {key} is named, and the call ends in {name}",
                               "listen for it first, or leave it out")  # fmt: skip
            for onward in survey.onward(name) if named else ():
                arriving.setdefault(onward, {}).update(named)

    def _listened(self, name: str, listen: ListenSpec, named: Named) -> None:
        inside: Place = ("steps", name, "listen")
        named = self._in((*inside, "ask_again"), listen.ask_again) | named
        for key in ("no_input", "not_understood"):
            named = self._in((*inside, key, "say"), getattr(listen, key).say) | named
        for i, branch in enumerate(listen.branches):
            if branch.goto is None:
                named = self._in((*inside, "branches", i, "say"), branch.say) | named
        for key, place in named.items():
            if key not in listen.keys:
                self._survey.add(place, "unheard_key", f"key {key} is named, and {name} does not listen for it",
                                 f"add `{_quoted(key)}: …` to its `keys`, or leave it out")  # fmt: skip

    def _in(self, place: Place, says: Iterable[str]) -> Named:
        return {key: (*place, i) for i, prompt in enumerate(says) for key in sorted(self._of_prompt[prompt])}

    def _in_order(self) -> list[str]:
        """The reached steps, each before those it leads to without listening."""
        ahead = dict.fromkeys(self._walk.reached, 0)
        for name in ahead:
            for onward in self._survey.onward(name):
                ahead[onward] += 1
        order = [name for name, before in ahead.items() if not before]
        for name in order:
            for onward in self._survey.onward(name):
                ahead[onward] -= 1
                if not ahead[onward]:
                    order.append(onward)
        return order


def _quoted(key: str) -> str:
    return key if key.isdecimal() else f"'{key}'"
