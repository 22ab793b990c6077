"""The values an utterance names (槽位): when, how much, by what means, who, and why."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from voicebot.nlu.calendar import TradingCalendar
from voicebot.nlu.lexicon_file import LexiconFile
from voicebot.nlu.pattern import Pattern
from voicebot.nlu.slots.amounts import amounts, percents
from voicebot.nlu.slots.times import CHINA, Moment, moments
from voicebot.nlu.understanding import Slot
from voicebot.nlu.view import View

__all__ = ["SLOT_TYPES", "SlotParser"]

SLOT_TYPES = (
    "callback_time", "time", "date", "exclusion", "amount", "percent", "method", "person_relation", "reason", "score",
)  # fmt: skip

# A day named for a call, without an hour: mid-morning of that day.
_CALL_AT = timedelta(hours=10)
# Intents whose time is when to call back, and those whose time is when something is, was or will be done.
_CALLED_BACK = frozenset({"callback", "busy"})
_DONE = frozenset({
    "give_plan", "will_do", "done_already", "extend", "cannot_comply", "dispute", "acknowledged", "complaint",
    "ask_deadline", "ask_consequence", "ask_fee", "ask_how", "ask_amount", "ask_ratio", "ask_product", "do_not_call",
})  # fmt: skip


class SlotParser:
    """Reads the slots of a plain view. The words of `method`, `person_relation`, `reason` and `score` come from the
    lexicon.
    """

    def __init__(self, lexicon: LexiconFile, calendar: TradingCalendar) -> None:
        """Raises LexiconError when a slot's pattern does not compile."""
        self._calendar = calendar
        self._named = [
            (type_, value, Pattern(source, lexicon.words))
            for type_, values in lexicon.slots.items()
            for value, sources in values.items()
            for source in sources
        ]

    def parse(
        self, view: View, text: str, *, intents: Collection[str], expecting: Collection[str], now: datetime
    ) -> tuple[Slot, ...]:
        """Every slot of `text`, whose plain view is `view`, in the order said.

        A time's type follows from what is meant (`intents`, then `expecting`): `callback_time` (ISO 8601, +08:00), or
        `time` (the same) or `date` (ISO date) of something else, or `exclusion` ("12:00/14:00", or the day) when not
        to call. Never raises.
        """
        slots: list[Slot] = []

        def add(type_: str, start: int, end: int, value: str) -> None:
            first, last = view.heard(start, end)
            slots.append(Slot(type_, text[first:last], value, first, last))

        now = now.astimezone(CHINA) if now.tzinfo else now.replace(tzinfo=CHINA)
        taken: list[tuple[int, int]] = []
        for moment in moments(view.text, now, self._calendar):
            add(*_typed(moment, frozenset(intents), frozenset(expecting), now))
            taken.append((moment.start, moment.end))
        for percent in percents(view.text):
            add("percent", percent.start, percent.end, percent.value)
            taken.append((percent.start, percent.end))
        for amount in amounts(view.text):
            if all(amount.end <= start or amount.start >= end for start, end in taken):
                add("amount", amount.start, amount.end, amount.value)
        slots += self._by_name(view, text)
        return tuple(sorted(slots, key=lambda slot: (slot.start, slot.end)))

    def _by_name(self, view: View, text: str) -> Iterable[Slot]:
        """The slots that are named by a word, the longest name of a stretch and type winning."""
        named: list[tuple[str, str, int, int]] = []
        for type_, value, pattern in self._named:
            if not pattern.search(view.sound):
                continue
            named += [(type_, value, claim.start, claim.end) for claim in pattern.claims(view, value)]
        named.sort(key=lambda found: (found[2] - found[3], found[2]))
        chosen: list[tuple[str, str, int, int]] = []
        for type_, value, start, end in named:
            if all(type_ != other or end <= first or start >= last for other, _, first, last in chosen):
                chosen.append((type_, value, start, end))
        return [Slot(type_, text[start:end], value, start, end) for type_, value, start, end in chosen]


def _typed(
    moment: Moment, intents: frozenset[str], expecting: frozenset[str], now: datetime
) -> tuple[str, int, int, str]:
    """What kind of time this is: (slot type, start, end in the view, value)."""
    day, place = moment.at.date().isoformat(), (moment.start, moment.end)
    if moment.refused:
        if moment.until is None:
            return ("exclusion", *place, day if moment.whole_day else moment.at.isoformat())
        return ("exclusion", *place, f"{moment.first:%H:%M}/{moment.until:%H:%M}")
    call = moment.at + _CALL_AT if moment.whole_day else moment.at
    awaited = "callback" in expecting and not intents & _DONE
    if call > now and (intents & _CALLED_BACK or awaited or not intents & _DONE):
        return ("callback_time", *place, call.isoformat())
    return ("date", *place, day) if moment.whole_day else ("time", *place, moment.at.isoformat())
