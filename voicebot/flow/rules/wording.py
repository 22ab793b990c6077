"""The words of a script: nothing forbidden, nothing that offers, nothing that a voice cannot say or takes too long to.

A slot whose values are known (`choices`, `set`) is read with each of them in its place: "保{what}" with the choice 本
is the forbidden phrase that it makes.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise, product

from voicebot.flow.model import Prompt, Reference, Wording
from voicebot.flow.rules.survey import Place, Survey
from voicebot.flow.vocabulary import PITCH_WORDS, banned_in

# Measured: the embedded voice at its normal rate spoke the prompts of margin_call at 3.3–4.4 syllables a second, pauses
# counted.
SYLLABLES_PER_S = 3.8
LONGEST_PROMPT_S = 12.0
LONGEST_DISCLOSURE_S = 25.0
# Syllables a value usually takes, by type: 王建国, 十二万三千四百五十六元, 百分之一百二十八点五零 …
_SYLLABLES = {
    "name": 3,
    "title": 2,
    "money": 7,
    "percent": 8,
    "date": 7,
    "full_date": 12,
    "time": 4,
    "datetime": 10,
    "digits": 8,
}

GAP = "□"  # stands for a value that is not known before the call
_MOST_READINGS = 64

_STOPS = "，。？！、；："
_SILENT = "“”‘’「」『』《》（）…—· "
_HALF_WIDTH = ",.?!;:()'\""
_END = re.compile(r"[。？！…][”’」』）]*$")
_DOUBLE = re.compile(r"[，。？！、；：]{2,}")


def known_values(survey: Survey) -> dict[str, tuple[str, ...]]:
    """The slots whose every value stands in the script, and those values."""
    values: dict[str, dict[str, None]] = {
        name: dict.fromkeys(spec.choices)
        for name, spec in survey.script.slots.items()
        if spec.choices or spec.source == "script"
    }
    for _, setting in survey.settings():
        for slot, value in setting.items():
            if slot in values:
                values[slot].setdefault(value)
    return {slot: tuple(there) for slot, there in values.items() if there}


def readings(wording: Wording, values: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, str]]:
    """A wording with every known value in its place, and how those values came (" with product = 本"). Of a wording
    with very many, each slot's values are read with a gap for the others.
    """
    slots = [slot for slot in sorted(wording.slots) if slot in values]
    many = 1
    for slot in slots:
        many *= len(values[slot])
    if many <= _MOST_READINGS:
        chosen: Iterator[dict[str, str]] = (
            dict(zip(slots, row, strict=True)) for row in product(*(values[slot] for slot in slots))
        )
    else:
        chosen = ({slot: value} for slot in slots for value in values[slot])
    for row in chosen:
        said = "".join(row.get(p.slot, GAP) if isinstance(p, Reference) else p for p in wording.parts)
        yield said, " and".join(f" with {slot} = {value}" for slot, value in row.items())


def inspect(survey: Survey) -> None:
    """Every wording of every prompt, and what stands side by side when it is said."""
    inspector = _Inspector(survey, known_values(survey))
    for name, prompt in survey.prompts.items():
        inspector.prompt(name, prompt)
    inspector.neighbours()
    for place, _, acts in survey.speakers():
        for i, act in enumerate(acts):
            if word := banned_in(act.reason):
                survey.add((*place[:-1], "do", i, "reason"), "banned_word", f"{word} must never be said or written",
                           "give the reason without promise or tip")  # fmt: skip


@dataclass(slots=True)
class _Inspector:
    survey: Survey
    values: Mapping[str, tuple[str, ...]]

    def prompt(self, name: str, prompt: Prompt) -> None:
        for key, wordings in (("text", prompt.wordings), ("otherwise", prompt.otherwise)):
            for i, wording in enumerate(wordings):
                place: Place = ("prompts", name, key, i)
                self._forbidden(place, wording)
                self._speakable(place, wording)
                self._punctuation(place, wording)
                self._length(place, prompt, wording)
                if wording in wordings[:i]:
                    self.survey.warn(place, "same_wording", "this wording is there already", "keep one")
                elif key == "text" and wording.slots != wordings[0].slots:
                    told = ", ".join(sorted(wording.slots ^ wordings[0].slots))
                    self.survey.warn(place, "uneven_wordings", f"not every wording tells {told}",
                                     "tell the same in each, since they are used in turn")  # fmt: skip
        spec = self.survey.script.prompts[name]
        if spec.disclosure and spec.interruptible and "interruptible" in spec.model_fields_set:
            self.survey.warn(("prompts", name, "interruptible"), "uninterruptible",
                             "a disclosure is never interrupted, whatever this says", "remove it")  # fmt: skip

    def _forbidden(self, place: Place, wording: Wording) -> None:
        for said, how in readings(wording, self.values):
            if word := banned_in(said):
                self.survey.add(
                    place, "banned_word", f"{word} must never be said{how}", "say it without promise or tip"
                )
                break
        if self.survey.script.kind != "service":
            return
        for said, how in readings(wording, self.values):
            if pitch := next((word for word in PITCH_WORDS if word in said), ""):
                fix = "leave the offer out, or make it a marketing script"
                self.survey.add(place, "pitch", f"{pitch} offers something{how}, and this is a service call", fix)
                break

    def _speakable(self, place: Place, wording: Wording) -> None:
        add = self.survey.add
        literal = "".join(part for part in wording.parts if isinstance(part, str))
        others = [c for c in dict.fromkeys(literal) if not _is_plain(c)]
        if figures := "".join(filter(_is_figure, others)):
            add(
                place,
                "figure",
                f"{figures}: a figure in the words of a script",
                "make it a slot, or write the word (一, 二)",
            )
        if letters := "".join(filter(_is_letter, others)):
            add(
                place,
                "unspeakable",
                f"{letters}: letters that a Chinese voice cannot speak",
                "write it in Chinese characters",
            )
        if signs := [c for c in others if not _is_figure(c) and not _is_letter(c) and c not in _HALF_WIDTH]:
            seen = ", ".join(c if c.isprintable() else f"the unseen character U+{ord(c):04X}" for c in signs)
            add(place, "unspeakable", f"{seen}: cannot be spoken", "write words, or remove it")
        if rare := "".join(c for c in dict.fromkeys(literal) if _is_hanzi(c) and not _is_common(c)):
            self.survey.warn(place, "rare_character", f"{rare}: not among the characters of GB 2312",
                             "write it in simplified characters, or hear it said before it is approved")  # fmt: skip
        if not any(map(_is_hanzi, literal)) and not wording.slots:
            add(place, "unspeakable", "nothing to be spoken", "write the words")
        for slot in sorted(wording.slots & self.values.keys()):
            for value in self.values[slot]:
                if silent := "".join(c for c in value if not _has_reading(c)):
                    add(
                        place, "unspeakable", f"{silent!r} cannot be spoken, with {slot} = {value}", "change that value"
                    )

    def _punctuation(self, place: Place, wording: Wording) -> None:
        warn = self.survey.warn
        text = "".join(part if isinstance(part, str) else GAP for part in wording.parts)
        if half := "".join(c for c in dict.fromkeys(text) if c in _HALF_WIDTH):
            warn(place, "punctuation", f"half-width {half} in Chinese words", "write ，。？！；：（）“”")
        plain = text.strip()
        if double := _DOUBLE.search(plain.replace("？！", "？")):
            warn(place, "punctuation", f"{double[0]}: punctuation twice", "keep one")
        if plain[:1] in tuple(_STOPS):
            warn(place, "punctuation", "it begins with punctuation", "begin with a word")
        if plain and not _END.search(plain) and plain[-1] not in _HALF_WIDTH:
            warn(place, "punctuation", "no 。？！ at its end", "end the sentence, so that the voice pauses")

    def _length(self, place: Place, prompt: Prompt, wording: Wording) -> None:
        syllables = sum(map(_is_hanzi, "".join(part for part in wording.parts if isinstance(part, str))))
        for part in wording.parts:
            if isinstance(part, Reference) and (spec := self.survey.script.slots.get(part.slot)):
                longest = max(map(len, self.values.get(part.slot, ())), default=0)
                syllables += longest or _SYLLABLES.get(spec.type, 4)
        seconds = syllables / SYLLABLES_PER_S
        longest_s = LONGEST_DISCLOSURE_S if prompt.disclosure else LONGEST_PROMPT_S
        if seconds > longest_s:
            message = f"about {seconds:.0f} s of speech, over {longest_s:.0f}"
            self.survey.add(place, "too_long", message, "say it in fewer words")

    def neighbours(self) -> None:
        """Forbidden phrases that two prompts make together: only where the first does not end its sentence."""
        for place, says, _ in self.survey.speakers():
            for i, (one, other) in enumerate(pairwise(says)):
                if one not in self.survey.prompts or other not in self.survey.prompts:
                    continue
                ends = [w for w in self._all_readings(one) if not _END.search(w)]
                starts = self._all_readings(other) if ends else []
                for end in ends:
                    word = next((w for start in starts if (w := banned_in(end[-8:] + start[:8]))), "")
                    if word and not banned_in(end):
                        self.survey.add((*place, i + 1), "banned_word", f"{one} and {other} together say {word}",
                                        "say it without promise or tip")  # fmt: skip
                        break

    def _all_readings(self, name: str) -> list[str]:
        prompt = self.survey.prompts[name]
        return [said for w in (*prompt.wordings, *prompt.otherwise) for said, _ in readings(w, self.values)]


def _is_hanzi(c: str) -> bool:
    return "\u4e00" <= c <= "\u9fff" or c == "〇"


def _is_plain(c: str) -> bool:
    return _is_hanzi(c) or c in _STOPS or c in _SILENT


def _is_figure(c: str) -> bool:
    return c in "%％‰" or (unicodedata.category(c)[0] == "N" and c != "〇")


def _is_letter(c: str) -> bool:
    return unicodedata.category(c)[0] in "LM" and not _is_hanzi(c)


def _is_common(c: str) -> bool:
    """A character of GB 2312: what simplified Chinese is written with. Others (rare ones, traditional forms, Cantonese)
    are read by guess by many voices and are no simplified Chinese, so a person should hear them.
    """
    try:
        c.encode("gb2312")
    except UnicodeEncodeError:
        return c == "〇"
    return True


def _has_reading(c: str) -> bool:
    """Whether a voice says it when it is a value (tts/readable.py): letters and figures are read one by one there."""
    return _is_plain(c) or c in _HALF_WIDTH or (c.isascii() and c.isalnum()) or c in "+-%/" or "\u3400" <= c <= "\u4dbf"
