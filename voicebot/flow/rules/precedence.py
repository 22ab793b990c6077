"""Branches that are never taken, because an earlier one takes all that they wait for."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from voicebot.flow.model import Branch, Script
from voicebot.flow.rules.survey import Place, Survey
from voicebot.flow.rules.walk import Walk, takes

# Of the branches that wait for one word under different conditions, so many are compared.
_MOST_COMPARED = 100


class _Conditions(NamedTuple):
    """When a branch that hears a word is taken."""

    also: frozenset[str]
    given: str
    same: bool
    when_identified: bool | None
    is_sure: bool


class Takers:
    """The branches that stand before, by the word they hear ("" for any word). Those of `before` stand before all."""

    def __init__(self, before: Takers | None = None) -> None:
        self._before = before
        self._by_word: dict[str, dict[_Conditions, Place]] = {}

    def add(self, branch: Branch, place: Place) -> None:
        """Put a branch behind the others."""
        if branch.at_most is not None:
            return
        conditions = _Conditions(
            frozenset(branch.also), branch.given, branch.same, branch.when_identified, bool(branch.identified)
        )
        for word in branch.heard or ("",):
            self._by_word.setdefault(word, {}).setdefault(conditions, place)

    def takers(self, branch: Branch) -> dict[str, Place]:
        """The words of a branch that an earlier branch takes, and which does."""
        return {word: place for word in branch.heard or ("",) if (place := self.taker(branch, word))}

    def taker(self, branch: Branch, word: str) -> Place:
        """The earlier branch that takes whatever this one could by one of its words, () if there is none."""
        if self._before is not None and (place := self._before.taker(branch, word)):
            return place
        meant = {word, *branch.also} - {""}
        for earlier in (*sorted(meant), ""):
            for their, place in islice(self._by_word.get(earlier, {}).items(), _MOST_COMPARED):
                if (
                    their.also <= meant
                    and their.given in ("", branch.given)
                    and (not their.same or branch.same)
                    and their.when_identified in (None, branch.when_identified)
                    and (not their.is_sure or (branch.identified and earlier == word))
                ):
                    return place
        return ()


def inspect(survey: Survey, walk: Walk) -> None:
    """Branches, and words of branches, that an earlier branch leaves nothing for."""
    urgent = Takers()
    for i, branch in enumerate(survey.script.urgent):
        _look(survey, urgent, branch, ("urgent", i))
    anywhere = Takers(urgent)
    for i, branch in enumerate(survey.script.anywhere):
        _look(survey, anywhere, branch, ("anywhere", i))
    for name, listen in survey.listens():
        own = Takers(urgent)
        moods = walk.moods.get(name, set())
        for i, branch in enumerate(listen.branches):
            place: Place = ("steps", name, "listen", "branches", i)
            _look(survey, own, branch, place)
            if moods and not any(takes(branch, mood) for mood in moods):
                when = "always" if branch.when_identified is False else "never"
                survey.warn((*place, "when_identified"), "shadowed",
                            f"never taken: in {name} the callee has {when} confirmed to be the client",
                            "remove it, or its `when_identified`")  # fmt: skip


def never_taken(script: Script) -> Iterator[tuple[str, int]]:
    """The `urgent` and `anywhere` branches, by list and index, that those before them leave nothing for: of a shared
    part, where the script hears the same itself.
    """
    takers = Takers()
    for list_, branches in (("urgent", script.urgent), ("anywhere", script.anywhere)):
        for i, branch in enumerate(branches):
            if len(takers.takers(branch)) == len(branch.heard or ("",)):
                yield list_, i
            takers.add(branch, (list_, i))


def before_anywhere(survey: Survey, step: str) -> Takers:
    """The branches of a step, which come before those of `anywhere`."""
    own = Takers()
    listen = survey.script.steps[step].listen
    for i, branch in enumerate(listen.branches if listen is not None else ()):
        own.add(branch, ("steps", step, "listen", "branches", i))
    return own


def _look(survey: Survey, before: Takers, branch: Branch, place: Place) -> None:
    """Compare a branch with those before it, and put it among them."""
    words = branch.heard or ("",)
    lost = before.takers(branch)
    before.add(branch, place)
    if not lost:
        return
    first = next(iter(lost.values()))
    if place[:2] in survey.borrowed and survey.doc.at(*first)[0] != survey.doc.at(*place)[0]:
        return  # a shared part does not know what the script hears first
    where = survey.line(first, place)
    if len(lost) == len(words):
        survey.warn(place, "shadowed", f"never taken: the branch of {where} takes all that it waits for",
                    "put it before that one, or remove it")  # fmt: skip
    else:
        few = ", ".join(lost)
        survey.warn((*place, "heard"), "shadowed", f"{few} never comes here: the branch of {where} takes it",
                    f"put it before that one, or remove {few}")  # fmt: skip
