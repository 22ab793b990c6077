"""A lexicon's pattern: a regular expression over Chinese characters, matched by sound and judged by spelling."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from voicebot.nlu.characters import CLAUSE_END, is_hanzi
from voicebot.nlu.errors import LexiconError
from voicebot.nlu.sound import by_sound, one_confusion, same_reading, sounds_like
from voicebot.nlu.view import View

GAP = ".{0,4}?"  # what `~` in a pattern stands for: a few words of any kind
PARTICLES = frozenset("的了啦吧啊呀呢嘛哈哦嘞呗哎噢哟")
# They carry no meaning beside words, so they are no evidence for any.
_INTERJECTIONS = frozenset("嗯呃额啊哎唉诶哦噢喔喂嘛呢哈嘞呗哟呀")
_CLAUSE = re.compile(r"[^\n]+")
_REMEMBERED = 4096  # characters judged a pattern, whatever is heard
_MACRO = re.compile(r"<(\w+)>")
# How much a character heard tells of the character meant: the same one, one read alike, one that differs by one of the
# confusions, one that differs by several.
_SAME, _ALIKE, _CONFUSED, _FAR = 1.0, 0.7, 0.4, 0.1
_MISPLACED = 0.9  # every character meant is there, but not one by one
# A stretch that is spelled otherwise needs this much, on average and in all, to be believed for its sound.
_LEAST_AVERAGE = 0.6
_LEAST_IN_ALL = 2.5
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


class _Speller:
    """Judges by its spelling what matched by its sound."""

    __slots__ = ("_characters", "_judged")

    def __init__(self, characters: Iterable[str]) -> None:
        self._characters = frozenset(filter(is_hanzi, characters))
        self._judged: dict[str, float] = {}

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
                if own_sounds.isdisjoint(sounds_like(char)):
                    known = 0.0
                else:
                    known = _CONFUSED if any(one_confusion(char, own) for own in self._characters) else _FAR
            if len(self._judged) < _REMEMBERED:
                self._judged[char] = known
        return known

    def claim(
        self,
        view: View,
        start: int,
        end: int,
        intent: str,
        weight: float = 1.0,
        expected: bool = False,
        *,
        exact: bool,
        alone: bool = False,
    ) -> Claim | None:
        """The claim on the characters [start, end) of the view, None if they are too unlike what is meant.

        `exact`: they are spelled as meant; otherwise each may be one of the characters meant, but in another's place.
        """
        said = view.text[start:end]
        told = [known for char in said if char not in _INTERJECTIONS and (known := self._judge(char))]
        told = told or [known for known in map(self._judge, said) if known]  # 嗯嗯: there is nothing else
        if not told:
            return None
        evidence = sum(told)
        average = 1.0 if exact else min(evidence / len(told), _MISPLACED)
        if not exact:
            alone = alone or (
                (start == 0 or view.text[start - 1] == CLAUSE_END)
                and (end == len(view.text) or view.text[end] == CLAUSE_END)
            )
            if not alone and (evidence < _LEAST_IN_ALL or min(told) == _FAR):
                return None
            if average < _LEAST_AVERAGE or evidence < _LEAST_ALONE:
                return None
        return Claim(intent, *view.heard(start, end), evidence, average, weight, expected)


class Pattern:
    """One compiled pattern.

    Syntax: that of `re`, with three additions: a Hanzi matches whatever sounds like it; `~` is a gap of up to four
    characters; `<name>` is one of the lexicon's named word groups. `^` and `$` are the edges of a clause.
    """

    __slots__ = ("_exactly", "_sounds", "_spelled", "_speller", "search", "source")

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
        self._speller = _Speller(said)
        self._spelled = spelled
        self._exactly: re.Pattern[str] | None = None  # compiled when first needed, which for most patterns is never
        try:
            self._sounds = re.compile(by_sound(spelled), re.MULTILINE)
        except re.error as error:
            raise LexiconError(f"pattern {source!r}: {error}") from None
        self.search = self._sounds.search  # whether there can be any claim: most patterns are refused by this alone

    def _is_exact(self, text: str, start: int, end: int) -> bool:
        if self._exactly is None:
            self._exactly = re.compile(self._spelled, re.MULTILINE)
        found = self._exactly.match(text, start)
        return (found is not None and found.end() == end) or self._exactly.fullmatch(text, start, end) is not None

    def claims(self, view: View, intent: str, *, weight: float = 1.0, expected: bool = False) -> Iterator[Claim]:
        """Every stretch of the view that this pattern explains and that is believable."""
        for found in self._sounds.finditer(view.sound):
            start, end = found.span()
            exact = self._is_exact(view.text, start, end)
            claim = self._speller.claim(view, start, end, intent, weight, expected, exact=exact)
            if claim is not None:
                yield claim


class WholePhrases:
    """Plain phrases that count only as a clause of their own, softening particles after them aside."""

    __slots__ = ("_by_start",)

    def __init__(self, phrases: Iterable[tuple[str, str]]) -> None:
        """`phrases`: (intent, phrase in plain spelling)."""
        self._by_start: dict[tuple[int, str], list[tuple[str, str, list[str], _Speller]]] = {}
        for intent, phrase in phrases:
            classes = [sounds_like(char) for char in phrase]
            for symbol in classes[0]:
                entry = (intent, phrase, classes, _Speller(phrase))
                self._by_start.setdefault((len(phrase), symbol), []).append(entry)

    def claims(self, view: View) -> Iterator[Claim]:
        """Every clause of the view that is one of the phrases, and is believable."""
        for clause in _CLAUSE.finditer(view.text):
            start, end = clause.span()
            while end > start:
                sound = view.sound[start:end]
                for intent, phrase, classes, speller in self._by_start.get((end - start, sound[0]), ()):
                    if all(symbol in class_ for symbol, class_ in zip(sound, classes, strict=True)):
                        claim = speller.claim(
                            view, start, end, intent, exact=view.text[start:end] == phrase, alone=True
                        )
                        if claim is not None:
                            yield claim
                if view.text[end - 1] not in PARTICLES:
                    break
                end -= 1
