"""Which words of a final are believed: a foreign language or a tune must not become words.

The model marks most of what is no Mandarin as `[unk]`, but between those marks it guesses a short word here and there.
Such guesses stand among unknown sounds or are all unsure; what a Mandarin speaker says, in noise too, is neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from voicebot.asr.recognizer import Word
from voicebot.asr.writing import UNKNOWN

# Chosen on the development set of the embedded model (docs/asr.md): there they cost no character of Mandarin speech,
# clean or in noise at 5 dB.
_UNKNOWN_SHARE = 0.25  # of the spoken time, from which its neighbours are doubted
_SURE = 0.97  # a word that is doubted must be so sure
_LEAST_MEAN = 0.55  # confidence of the known words, by their length
_LEAST_MEAN_SHORT = 0.8  # where all that is known is a single character or two: what a tune or a fan is taken for
_FEW = 2


def believed(words: Sequence[Word]) -> tuple[Word, ...]:
    """The words of one final with `[unk]` for those not to be believed. Their `confidence` is the engine's own."""
    known = [word for word in words if word.text != UNKNOWN]
    spoken, known_ms = _ms(words), _ms(known)
    if not known_ms:
        return tuple(words)
    is_short = len(known) <= _FEW and all(len(word.text) == 1 for word in known)
    least_mean = _LEAST_MEAN_SHORT if is_short else _LEAST_MEAN
    if sum((word.end_ms - word.start_ms) * word.confidence for word in known) / known_ms < least_mean:
        least = 2.0  # none of them
    else:
        least = _SURE if 1 - known_ms / spoken >= _UNKNOWN_SHARE else 0.0
    return tuple(word if word.confidence >= least else replace(word, text=UNKNOWN) for word in words)


def _ms(words: Sequence[Word]) -> int:
    return sum(word.end_ms - word.start_ms for word in words)
