"""What every understander offers: text in, intents and slots out. The intent ids are those of docs/domain.md."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Intent:
    """One thing meant, with a confidence 0–1."""

    name: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Slot:
    """One value said: its type (`callback_time`, `amount`, `date`, …), the characters [start, end) of the text that
    said it, those characters, and the normalised value (ISO 8601 for times, a plain decimal or "low–high" range in CNY
    for amounts).
    """

    type: str
    text: str
    value: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Understanding:
    """What an utterance means: intents, the surest first (never empty: `unknown` when nothing fits), and slots."""

    text: str
    intents: tuple[Intent, ...]
    slots: tuple[Slot, ...] = ()

    @property
    def top(self) -> str:
        """The surest intent's name."""
        return self.intents[0].name

    def has(self, *names: str) -> bool:
        """Whether any of these intents was meant."""
        return any(intent.name in names for intent in self.intents)

    def slot(self, type_: str) -> Slot | None:
        """The first slot of this type."""
        return next((slot for slot in self.slots if slot.type == type_), None)


class Understander(Protocol):
    """Ears give text; this gives meaning."""

    name: str

    def understand(self, text: str, *, expecting: Collection[str] = (), now: datetime) -> Understanding:
        """`expecting`: intents the script's step waits for (a hint, never a filter); `now`: the caller's clock, from
        which "明天下午三点" is counted. Never raises for any text.
        """
        ...

    def trade_words(self, intents: Collection[str]) -> Sequence[str]:
        """The words of the trade in which these intents are said, for a recogniser to expect (展期, 警戒线); none of an
        intent that is unknown or said in everybody's words.
        """
        ...
