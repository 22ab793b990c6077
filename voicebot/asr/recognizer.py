"""What every recogniser offers: an `Ear` opens a `Recognizer` for each call, which turns frames into `Transcript`s."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol


class AsrFault(Exception):
    """The recogniser failed. `permanent`: the same input or model cannot succeed (no such model, a damaged one)."""

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent


@dataclass(frozen=True, slots=True)
class Word:
    """One word, its place on the recogniser's audio clock (ms since its first sample) and its confidence 0–1."""

    text: str
    start_ms: int
    end_ms: int
    confidence: float


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was heard: a partial may still change, a final does not.

    `text`: Chinese without spaces; "[unk]" marks speech that is no known word, "" that nothing was heard.
    `confidence`: 0–1, of the whole; 0 for an empty one. `words`: of finals only. `written`: a final's text as it is
    written (一百二十八点五 → 128.5), where the engine itself gives one; else "", and `voicebot.asr.written` writes it.
    """

    text: str
    final: bool
    words: tuple[Word, ...] = ()
    confidence: float = 0.0
    written: str = ""


def confidence_of(finals: Iterable[Transcript]) -> float:
    """Of several finals that are one utterance: that of the least sure one, 0 where nothing was heard."""
    return min((final.confidence for final in finals if final.text), default=0.0)


@dataclass(frozen=True, slots=True)
class EarInfo:
    """What an ear is, for records, logs and pages. `synthetic`: trained on synthetic speech only (see the manifest)."""

    engine: str
    model: str
    version: str
    licence: str
    synthetic: bool


class Recognizer(Protocol):
    """One call's stream. Used from one thread; blocking C code that frees the GIL."""

    def accept(self, pcm: bytes) -> Transcript | None:
        """Take s16le 8000 Hz mono (any length). Gives a new partial, or a final at the engine's own endpoint, or None
        when nothing changed.
        """
        ...

    def finish(self) -> Transcript:
        """The turn is over: give the final of everything accepted since the last final. The stream goes on."""
        ...

    def close(self) -> None:
        """Free the stream. Idempotent."""
        ...


class Ear(Protocol):
    """A loaded model; many recognisers share it."""

    info: EarInfo

    def open(self, phrases: Sequence[str] = ()) -> Recognizer:
        """A new stream. `phrases` biases towards them where the engine can; others ignore it. They may be names of
        people, so no log and no fault repeats them.
        """
        ...
