"""Understanding by lexicon: phrases and patterns matched by sound, the longest explanation of each stretch winning.

Deterministic, explainable and free of training: it is what understands where no model is installed, and the guard on
the intents that must not be missed. The words are data: `lexicon.yaml`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

from voicebot.nlu.calendar import TradingCalendar, WeekendCalendar
from voicebot.nlu.characters import UNKNOWN_WORD, is_hanzi, plain_spelling
from voicebot.nlu.errors import LexiconError
from voicebot.nlu.lexicon_file import IntentEntry, LexiconFile, read_lexicon
from voicebot.nlu.pattern import Claim, Pattern, WholePhrases
from voicebot.nlu.slots import SlotParser
from voicebot.nlu.understanding import Intent, Slot, Understanding
from voicebot.nlu.view import Spelling, View, lean_view, plain_view

SHIPPED = Path(__file__).with_name("lexicon.yaml")

UNKNOWN = "unknown"
_MASK = ""
# A turn on the telephone is at most about a minute: 300 characters. What is beyond these is not read.
_READ_CHARACTERS = 500
# Below this nothing is said to be meant.
_LEAST_CONFIDENCE = 0.5
_WEAK = 0.7
# A pattern spelled as it was heard, and nothing else said; a deterministic reading is never quite sure.
_SURE = 0.97
# How much another spelling of the same sound speaks against it, and unexplained words against a short pattern.
_SPELLED_OTHERWISE = 0.6
_UNEXPLAINED = 0.35
# An unknown word inside may have been 不.
_GAP = 0.9
# What the script's expectation takes off the doubt: enough to go before another intent, not to make one up.
_EXPECTED = 0.4
_ONLY_EXPECTED = 0.6
# The plain phrases of this length mean their intent wherever they stand; shorter ones only as a clause of their own.
_ANYWHERE = 4
# Beside these a bare value is still the answer.
_NO_SUBSTANCE = frozenset({"affirm", "deny", "backchannel", "greeting", "busy", "acknowledged", "refuse", "wait"})


@dataclass(frozen=True, slots=True)
class _Rule:
    intent: str
    pattern: Pattern
    weight: float = 1.0
    when_expected: bool = False


def _phrase_pattern(phrase: str) -> str:
    """The pattern of a plain phrase that means its intent wherever it stands."""
    return phrase if phrase[0] in "不没别" else f"(?<![不没别])(?<!没有){phrase}"


def _trade_words(entry: IntentEntry, lexicon: LexiconFile) -> tuple[str, ...]:
    wordings = (*entry.phrases, *entry.patterns, *entry.weak, *entry.when_expected)
    return tuple(word for word in lexicon.spell_by_sound if any(word in wording for wording in wordings))


class LexiconUnderstander:
    """An `Understander` (voicebot.nlu.understanding) on a lexicon. Safe to share between threads."""

    name = "lexicon"

    def __init__(self, lexicon: LexiconFile, calendar: TradingCalendar | None = None) -> None:
        """Compile every pattern once (about half a second). `calendar`: which days are traded (default: Monday to
        Friday). Raises LexiconError when a pattern does not compile.
        """
        self.lexicon = lexicon
        self._spelling = Spelling(lexicon.spell_by_sound, lexicon.as_written, lexicon.spell)
        self._rules: list[_Rule] = [_Rule(_MASK, Pattern(source, lexicon.words)) for source in lexicon.masks]
        whole: list[tuple[str, str]] = []
        for intent, entry in lexicon.intents.items():
            phrases = [plain_spelling(phrase).replace(" ", "") for phrase in entry.phrases]
            anywhere = [phrase for phrase in phrases if len(phrase) >= _ANYWHERE and all(map(is_hanzi, phrase))]
            whole += [(intent, phrase) for phrase in phrases if phrase not in anywhere]
            patterns = [*map(_phrase_pattern, anywhere), *entry.patterns]
            self._rules += [_Rule(intent, Pattern(source, lexicon.words)) for source in patterns]
            self._rules += [_Rule(intent, Pattern(source, lexicon.words), _WEAK) for source in entry.weak]
            self._rules += [
                _Rule(intent, Pattern(source, lexicon.words), when_expected=True) for source in entry.when_expected
            ]
        self._whole = WholePhrases(whole)
        self._order = {intent: place for place, intent in enumerate(lexicon.intents)}
        self._critical = frozenset(intent for intent, entry in lexicon.intents.items() if entry.safety_critical)
        self._trade_words = {intent: _trade_words(entry, lexicon) for intent, entry in lexicon.intents.items()}
        self._slots = SlotParser(lexicon, calendar or WeekendCalendar())

    def understand(self, text: str, *, expecting: Collection[str] = (), now: datetime) -> Understanding:
        """See `Understander.understand`."""
        spelled = plain_spelling(text[:_READ_CHARACTERS])
        plain = plain_view(spelled, self._spelling)
        lean = lean_view(plain)
        gaps = [place for place, char in enumerate(spelled) if char == UNKNOWN_WORD]
        claims = self._claims((plain,) if lean.text == plain.text else (plain, lean), frozenset(expecting))
        confidences = self._weigh(claims, plain, lean, gaps, frozenset(expecting))
        slots = self._slots.parse(plain, text, intents=confidences.keys(), expecting=expecting, now=now)
        self._infer(confidences, slots, plain, frozenset(expecting))
        intents = sorted(
            (Intent(name, round(value, 3)) for name, value in confidences.items() if value >= _LEAST_CONFIDENCE),
            key=lambda intent: (-intent.confidence, intent.name not in self._critical, self._order[intent.name]),
        )
        return Understanding(text, tuple(intents) or (Intent(UNKNOWN, 1.0),), slots)

    def trade_words(self, intents: Collection[str]) -> tuple[str, ...]:
        """See `Understander.trade_words`: those that are spelled by their sound, in the lexicon's order."""
        found = {word for intent in intents for word in self._trade_words.get(intent, ())}
        return tuple(word for word in self.lexicon.spell_by_sound if word in found)

    def _claims(self, views: Iterable[View], expecting: frozenset[str]) -> list[Claim]:
        """Every stretch that some rule explains, in each view, the best explanations first."""
        found = [claim for view in views for claim in self._whole.claims(view)]
        for rule in self._rules:
            if rule.when_expected and rule.intent not in expecting:
                continue
            for view in views:
                if rule.pattern.search(view.sound):
                    found += rule.pattern.claims(view, rule.intent, weight=rule.weight, expected=rule.when_expected)
        best: dict[tuple[str, int, int, bool], Claim] = {}
        for claim in found:
            if claim.intent == _MASK and claim.likeness < 1.0:
                continue  # what merely sounds like nothing must not hide what may mean something
            key = (claim.intent, claim.start, claim.end, claim.expected)
            known = best.get(key)
            if known is None or claim.evidence * claim.weight > known.evidence * known.weight:
                best[key] = claim
        return sorted(best.values(), key=lambda claim: (-claim.evidence, claim.intent != _MASK, claim.start))

    def _weigh(
        self, claims: list[Claim], plain: View, lean: View, gaps: list[int], expecting: frozenset[str]
    ) -> dict[str, float]:
        """The claims that stand beside each other, as confidences: longer explanations push shorter ones aside.

        `gaps`: where in the text heard the recogniser knew no word.
        """
        words = plain.words()
        owner: dict[int, tuple[str, float]] = {}  # character heard → (intent, evidence) of its best explanation
        explained = set[int]()
        stood: list[Claim] = []
        for claim in claims:
            places = [place for place in words if claim.start <= place < claim.end]
            # What is only expected stands beside another reading of the same words, such as 对: yes, it is me.
            least = claim.evidence + 1 if claim.expected else 0.0
            owners = [owner[place] for place in places if place in owner]
            taken = sum(intent != claim.intent and evidence >= least for intent, evidence in owners)
            if 2 * taken >= len(places):
                continue
            stood.append(claim)
            explained.update(places)
            if not claim.expected:
                for place in places:
                    owner.setdefault(place, (claim.intent, claim.evidence))
        spoken = [*lean.words(), *gaps]
        unexplained = sum(place not in explained for place in spoken) / max(1, len(spoken))
        confidences: dict[str, float] = {}
        for claim in stood:
            if claim.intent == _MASK:
                continue
            confidence = _SURE * claim.weight * (1 - _SPELLED_OTHERWISE * (1 - claim.likeness))
            confidence *= 1 - _UNEXPLAINED * unexplained * min(1.0, 2 / claim.evidence)
            confidence *= _GAP ** sum(claim.start < place < claim.end for place in gaps)
            if claim.intent in expecting:
                confidence += (_ONLY_EXPECTED if claim.expected else _EXPECTED) * (1 - confidence)
            confidences[claim.intent] = max(confidence, confidences.get(claim.intent, 0.0))
        return confidences

    def _infer(
        self, confidences: dict[str, float], slots: tuple[Slot, ...], plain: View, expecting: frozenset[str]
    ) -> None:
        """What a value alone means: a time is when to call back, an amount what will be paid in. And what a yes means
        first where several answers are expected.
        """
        if "identity_confirm" in expecting and {"identity_confirm", "acknowledged"} <= confidences.keys():
            # Asked who it is, a yes says just that.
            confidences["acknowledged"] = min(confidences["acknowledged"], confidences["identity_confirm"] - 0.001)
        substance = confidences.keys() - _NO_SUBSTANCE
        words = plain.words()
        for slot in slots:
            share = sum(slot.start <= place < slot.end for place in words) / max(1, len(words))
            if slot.type == "callback_time" and "callback" not in confidences:
                if "callback" in expecting:
                    confidences["callback"] = 0.85
                elif "busy" in confidences:
                    confidences["callback"] = 0.8
                elif not substance and share >= 0.5:
                    confidences["callback"] = 0.75
            elif slot.type == "amount" and "give_plan" in expecting and not substance:
                confidences["give_plan"] = 0.8


@cache
def _shipped() -> LexiconUnderstander:
    return LexiconUnderstander(read_lexicon(SHIPPED))


def load(path: Path | None = None, calendar: TradingCalendar | None = None) -> LexiconUnderstander:
    """The understander on a lexicon file; without `path` the shipped one, which is compiled once a process.

    Raises LexiconError (one line, naming file and place) when the file is missing, malformed, or holds a bad pattern.
    """
    if path is None and calendar is None:
        return _shipped()
    lexicon = read_lexicon(path or SHIPPED)
    try:
        return LexiconUnderstander(lexicon, calendar)
    except LexiconError as error:
        raise LexiconError(f"{path or SHIPPED}: {error}") from error
