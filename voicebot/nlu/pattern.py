"""A lexicon's pattern: a regular expression over Chinese characters, matched by sound and judged by spelling."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from voicebot.nlu.characters import is_hanzi
from voicebot.nlu.errors import LexiconError
from voicebot.nlu.sound import by_sound, same_reading, sounds_like
from voicebot.nlu.view import View

GAP = ".{0,4}?"  # what `~` in a pattern stands for: a few words of any kind
_MACRO = re.compile(r"<(\w+)>")
# How much a character heard tells of the character meant: the same one, one read alike, one a recogniser confuses.
_SAME, _ALIKE, _CONFUSED = 1.0, 0.7, 0.45
# A stretch that is spelled otherwise needs this much, on average and in all, to be believed for its sound.
_LEAST_AVERAGE = 0.6
_LEAST_IN_ALL = 2.1
_LEAST_ALONE = 1.35  # where it is all that was said


@dataclass(frozen=True, slots=True)
class Claim:
    """A stretch [start, end) of the text heard that a pattern explains; `evidence` counts the characters that speak for
    it (a homophone counts less than 1), `likeness` 0–1 is how near their spelling is to the pattern's, `weight` 0–1 how
    sure the pattern is of its intent; `expected`: it holds only because the script waits for this intent.
    """

    intent: str
    start: int
    end: int
    evidence: float
    likeness: float
    weight: float = 1.0
    expected: bool = False


class Pattern:
    """One compiled pattern.

    Syntax: that of `re`, with three additions: a Hanzi matches whatever sounds like it; `~` is a gap of up to four
    characters; `<name>` is one of the lexicon's named word groups. `^` and `$` are the edges of a clause.
    """

    __slots__ = ("_characters", "_judged", "_sounds", "source")

    def __init__(self, source: str, words: Mapping[str, str]) -> None:
        self.source = source
        try:
            spelled = _MACRO.sub(lambda found: f"(?:{words[found[1]]})", source)
            spelled = _MACRO.sub(lambda found: f"(?:{words[found[1]]})", spelled)  # groups may name groups, one deep
        except KeyError as error:
            raise LexiconError(f"pattern {source!r}: there is no word group <{error.args[0]}>") from None
        spelled = spelled.replace("~", GAP)
        # What must not stand around is no part of what was said.
        said = re.sub(r"\(\?<?!(?:[^()]|\([^()]*\))*\)", "", spelled)
        self._characters = frozenset(filter(is_hanzi, said))
        self._judged: dict[str, float] = {}
        try:
            self._sounds = re.compile(by_sound(spelled), re.MULTILINE)
        except re.error as error:
            raise LexiconError(f"pattern {source!r}: {error}") from None

    def _judge(self, char: str) -> float:
        """What this character, heard, tells of the pattern; 0 if it filled a gap."""
        known = self._judged.get(char)
        if known is None:
            if not is_hanzi(char):
                known = _SAME if char.isalnum() else 0.0
            elif char in self._characters:
                known = _SAME
            elif any(same_reading(char, own) for own in self._characters):
                known = _ALIKE
            else:
                own_sounds = {symbol for own in self._characters for symbol in sounds_like(own)}
                known = _CONFUSED if own_sounds & set(sounds_like(char)) else 0.0
            if len(self._judged) < 4096:  # bounded whatever is heard
                self._judged[char] = known
        return known

    def claims(self, view: View, intent: str, *, weight: float = 1.0, expected: bool = False) -> Iterator[Claim]:
        """Every stretch of the view that this pattern explains and that is believable."""
        for found in self._sounds.finditer(view.sound):
            start, end = found.span()
            if start == end:
                continue
            told = [weight for weight in map(self._judge, view.text[start:end]) if weight]
            if not told:
                continue
            evidence = sum(told)
            average = evidence / len(told)
            if average < 1.0:
                alone = (start == 0 or view.text[start - 1] == "\n") and (
                    end == len(view.text) or view.text[end] == "\n"
                )
                if average < _LEAST_AVERAGE or evidence < (_LEAST_ALONE if alone else _LEAST_IN_ALL):
                    continue
            yield Claim(intent, *view.heard(start, end), evidence, average, weight, expected)


def spelling_pattern(word: str) -> re.Pattern[str]:
    """Over symbols: any stretch that might be `word`, dialect's confusions included."""
    return re.compile("".join(f"[{sounds_like(char)}]" for char in word))
