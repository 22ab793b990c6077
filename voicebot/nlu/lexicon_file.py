"""The form of `lexicon.yaml`, checked when it is read: what the patterns are is for lexicon.py to say."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from voicebot import checked_yaml
from voicebot.nlu.errors import LexiconError

# Something is said: a blank phrase would be said everywhere.
_Phrase = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class IntentEntry(_Part):
    """One intent: its Chinese name, what it means, and how it is said.

    `phrases`: plain words; `patterns`: see `voicebot.nlu.pattern.Pattern`; `weak`: patterns that only suggest it (their
    confidence is lower); `when_expected`: patterns that mean it only where the script waits for it; `counter_examples`:
    texts that look like it and are not (the tests read them, as a model's training will); `safety_critical`: whether
    mistaking it harms somebody.
    """

    name: str
    description: str
    phrases: list[_Phrase] = Field(min_length=1)
    patterns: list[str] = []
    weak: list[str] = []
    when_expected: list[str] = []
    counter_examples: list[str] = []
    safety_critical: bool = False


class LexiconFile(_Part):
    """The whole file.

    `spell_by_sound`: words of the trade that a recogniser spells wrongly; `spell`: wrong spelling
    → right one of the same length, where the sound alone does not tell; `as_written`: words that are believed;
    `words`: named groups for `<name>` in patterns; `masks`: patterns of stretches that mean nothing; `slots`: per slot
    type, value → patterns.
    """

    spell_by_sound: list[str] = []
    spell: dict[_Phrase, _Phrase] = {}
    as_written: list[str] = []
    words: dict[str, str] = {}
    masks: list[str] = []
    intents: dict[str, IntentEntry] = Field(min_length=1)
    slots: dict[str, dict[str, list[str]]] = {}

    @field_validator("spell")
    @classmethod
    def _same_length(cls, spell: dict[str, str]) -> dict[str, str]:
        for wrong, right in spell.items():
            if len(wrong) != len(right):
                raise ValueError(f"{wrong} and {right} differ in length, so offsets would shift")
        return spell


def read_lexicon(path: Path) -> LexiconFile:
    """Read and check a lexicon file.

    Raises LexiconError in one line: unreadable, no YAML (with the line), or broken form (with the place in it).
    """
    return checked_yaml.read(path, LexiconFile, LexiconError)
