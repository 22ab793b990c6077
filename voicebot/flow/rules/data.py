"""What a script compares, sets and decides by can hold what it says of it: slots, forks, settings, keys, grades."""

from __future__ import annotations

import re

from voicebot.flow.model import Fork, KeyValue, SlotSpec
from voicebot.flow.rules.survey import Place, Survey, rings
from voicebot.flow.values import COMPARABLE
from voicebot.flow.vocabulary import banned_in


def inspect(survey: Survey) -> None:
    """Values that a slot cannot have, slots that cannot be compared, and slots that nothing ever sets."""
    _below(survey)
    _conditions(survey)
    for name, step in survey.script.steps.items():
        _forks(survey, name, step.branch)
    for name, listen in survey.listens():
        for key, meaning in listen.keys.items():
            if isinstance(meaning, KeyValue):
                _value(survey, ("steps", name, "listen", "keys", key), meaning.slot, meaning.value, "callee")
    for place, setting in survey.settings():
        for slot, value in setting.items():
            _value(survey, (*place, slot), slot, value, "script")
    _never_set(survey)
    _suitability(survey)


def _below(survey: Survey) -> None:
    slots = survey.script.slots
    for name, spec in slots.items():
        if (other := slots.get(spec.below)) is None:
            continue
        place: Place = ("slots", name, "below")
        if other.type != spec.type:
            fix = f"name a slot with `type: {spec.type}`"
            survey.add(place, "bad_slot", f"{name} is a {spec.type} and {spec.below} a {other.type}", fix)
        if other.source != "contact":
            fix = "name a slot of the contact's data"
            survey.add(place, "bad_slot", f"{spec.below} is not known before the dial", fix)
    for ring in rings({name: [spec.below] for name, spec in slots.items()}):
        message = f"{' below '.join([*ring, ring[0]])} cannot be"
        survey.add(("slots", ring[-1], "below"), "bad_slot", message, "remove one `below`")


def _conditions(survey: Survey) -> None:
    slots = survey.script.slots
    for name, spec in slots.items():
        for key in ("needed_when", "below_when"):
            for slot, values in getattr(spec, key).items():
                place: Place = ("slots", name, key, slot)
                survey.named(place, "slot", slot, slots)
                if (other := slots.get(slot)) is None:
                    continue
                if other.source != "contact":
                    survey.add(place, "bad_slot", f"{slot} is not known before the dial", "name a slot of the contact")
                for value in values:
                    _check_value(survey, place, other, value)


def _forks(survey: Survey, name: str, forks: tuple[Fork, ...]) -> None:
    taken: dict[str, set[str]] = {}
    always: Place = ()
    for i, fork in enumerate(forks):
        place: Place = ("steps", name, "branch", i)
        _fork(survey, place, fork)
        if always:
            survey.warn(place, "shadowed", f"never taken: the fork of {survey.line(always, place)} always is",
                        "put it before that one, or remove it")  # fmt: skip
            continue
        spec = survey.script.slots.get(fork.slot)
        is_sure = spec is not None and spec.source == "contact" and not spec.optional
        if is_sure and fork.known is False:
            survey.warn(place, "shadowed", f"never taken: {fork.slot} is always known", "remove it")
        if is_sure and fork.known:
            always = place
        if fork.is_:
            before = taken.setdefault(fork.slot, set())
            if before >= set(fork.is_):
                survey.warn(place, "shadowed", "never taken: an earlier fork takes these values", "remove it")
            before.update(fork.is_)
            if is_sure and spec is not None and spec.choices and before >= set(spec.choices):
                always = place


def _fork(survey: Survey, place: Place, fork: Fork) -> None:
    slots = survey.script.slots
    for key in ("slot", "below", "at_least"):
        if slot := getattr(fork, key):
            survey.named((*place, key), "slot", slot, slots)
    if (spec := slots.get(fork.slot)) is None:
        return
    for i, value in enumerate(fork.is_):
        _check_value(survey, (*place, "is", i), spec, value)
    key = "below" if fork.below else "at_least"
    other = slots.get(getattr(fork, key))
    if other and (other.type != spec.type or spec.type not in COMPARABLE):
        message = f"{fork.slot} ({spec.type}) and {getattr(fork, key)} ({other.type}) cannot be compared"
        survey.add((*place, key), "bad_fork", message, "compare money with money, percent with percent, integers")


def _value(survey: Survey, place: Place, slot: str, value: str, source: str) -> None:
    survey.named(place, "slot", slot, survey.script.slots)
    if (spec := survey.script.slots.get(slot)) is None:
        return
    if spec.source != source:
        fix = f"name a slot with `source: {source}`"
        survey.add(place, "not_set", f"{slot} comes from the {spec.source}", fix)
    _check_value(survey, place, spec, value)


def _check_value(survey: Survey, place: Place, spec: SlotSpec, value: str) -> None:
    try:
        kept = spec.canonical(value)
    except ValueError as error:
        if word := banned_in(value):
            fix = "say it without promise or tip"
            survey.add(place, "banned_word", f"{value!r} holds {word}, which must never be said", fix)
        else:
            survey.add(place, "bad_value", f"{value!r} is no {spec.type} of this slot", str(error))
        return
    if kept != value:
        survey.add(place, "bad_value", f"{value!r} is not how it is kept", f"write {kept!r}")


def _never_set(survey: Survey) -> None:
    is_set = {slot for _, setting in survey.settings() for slot in setting}
    used = survey.slots_used()
    for name, spec in survey.script.slots.items():
        if spec.source == "script" and name in used and name not in is_set:
            survey.add(("slots", name), "never_set", f"{name} comes from the script, and nothing sets it",
                       f"write `set: {{{name}: VALUE}}` in a branch or step, or remove it")  # fmt: skip


_GRADES = {"client": "C[1-5]", "product": "R[1-5]"}


def _suitability(survey: Survey) -> None:
    """docs/domain.md §3.2: what a marketing call needs."""
    script = survey.script
    if (needs := script.suitability) is None:
        if script.kind == "marketing":
            survey.add(("kind",), "missing_suitability", "a marketing script without consent and suitability",
                       "write `suitability: {client: …, product: …, valid_until: …, consent: …}`")  # fmt: skip
        return
    for key, type_ in (("client", "choice"), ("product", "choice"), ("valid_until", "date"), ("consent", "text")):
        slot = getattr(needs, key)
        survey.named(("suitability", key), "slot", slot, script.slots)
        spec = script.slots.get(slot)
        if spec is None:
            continue
        is_future = spec.future or key != "valid_until"
        if spec.type != type_ or spec.source != "contact" or spec.optional or not is_future:
            wanted = f"a {type_} of the contact{', in the future' if key == 'valid_until' else ''}, not optional"
            survey.add(("suitability", key), "suitability", f"{slot} is not {wanted}", f"make {slot} that")
        elif (grade := _GRADES.get(key)) and (other := _other_than(grade, spec)):
            fix = f"write {grade[0]}1 to {grade[0]}5, as docs/domain.md §3 does"
            survey.add(("slots", slot, "choices"), "suitability", f"{other} is no grade of a {key}", fix)


def _other_than(grade: str, spec: SlotSpec) -> str:
    return next((choice for choice in spec.choices if not re.fullmatch(grade, choice)), "")
