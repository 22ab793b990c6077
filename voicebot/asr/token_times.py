"""From an engine's tokens with their time stamps to the words of a transcript."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from voicebot.asr.recognizer import Word
from voicebot.asr.writing import UNKNOWN

# An engine tells where a token begins at best. A Mandarin syllable on the telephone lasts 150–300 ms.
_SYLLABLE_MS = 240
_LONGEST_MS = 400  # what is left up to the next word is a pause
_MARK = "\N{REPLACEMENT CHARACTER}"  # an unknown word while characters are counted
_WORD = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)*|\S")  # a Latin word, or one character
_NO_SPEECH = re.compile("▁|@@$|\\s")  # what pieces of words are marked with


@dataclass(frozen=True, slots=True)
class Token:
    """What the engine emitted, when (ms on the stream's audio clock) and how sure it was (0–1)."""

    text: str
    start_ms: float
    confidence: float


def words_of(text: str, tokens: Sequence[Token], end_ms: int) -> tuple[Word, ...]:
    """The words of `text` (squeezed; one for each Hanzi), timed by `tokens`; none ends after `end_ms`.

    A token's characters share its time evenly. Where the tokens do not spell the text (byte-wise pieces, figures that
    were normalised), its characters are spread over them evenly.
    """
    counted = text.replace(UNKNOWN, _MARK)
    characters = [character for character in counted if not character.isspace()]
    if not characters or not tokens:
        return ()
    spelt = [_NO_SPEECH.sub("", token.text.replace("<unk>", _MARK)) for token in tokens]
    if "".join(spelt).casefold() == "".join(characters).casefold():
        owners = [index for index, piece in enumerate(spelt) for _ in piece]
    else:
        owners = [place * len(tokens) // len(characters) for place in range(len(characters))]
    starts = _starts(tokens, owners, end_ms)
    words: list[Word] = []
    place = 0
    for match in _WORD.finditer(counted):
        first, place = place, place + len(match[0])
        start = starts[first]
        after = starts[place] if place < len(starts) else end_ms
        longest = _LONGEST_MS if place < len(starts) else _SYLLABLE_MS
        end = max(start, min(after, starts[place - 1] + longest, end_ms))
        if match[0] == _MARK:
            words.append(Word(UNKNOWN, start, end, 0.0))
        else:
            sure = [tokens[owner].confidence for owner in owners[first:place]]
            words.append(Word(match[0], start, end, sum(sure) / len(sure)))
    return tuple(words)


def _starts(tokens: Sequence[Token], owners: Sequence[int], end_ms: int) -> list[int]:
    """Where each character begins: never before the one in front of it, never after `end_ms`."""
    starts: list[int] = []
    latest = 0
    for owner, group in itertools.groupby(owners):
        count = len(list(group))
        begin = tokens[owner].start_ms
        after = tokens[owner + 1].start_ms if owner + 1 < len(tokens) else begin + _SYLLABLE_MS * count
        step = min(max(0.0, after - begin) / count, _LONGEST_MS)
        for index in range(count):
            latest = min(max(latest, round(begin + index * step)), end_ms)
            starts.append(latest)
    return starts
