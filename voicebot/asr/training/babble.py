"""Utterances that mean nothing: everyday words in random order and mere syllables, so that every sound is learned in
every neighbourhood, whatever the sentences of the corpus are about; and other languages, to be heard as no words.
"""

from __future__ import annotations

import itertools
import random

from voicebot.asr.training.lexicon import everyday_words, tones_of
from voicebot.asr.training.phones import SYLLABLES
from voicebot.asr.training.synthesis import Utterance
from voicebot.asr.training.texts import headed

_VOCABULARY = 30000
_MADE_UP_SHARE = 0.4  # of the runs of foreign words
_FLATTEN = 0.35  # exponent on frequencies: rare words turn up, yet common ones still lead


def random_words(count: int, seed: int) -> list[Utterance]:
    """`count` runs of one to seven everyday words."""
    rng = random.Random(f"words:{seed}")  # noqa: S311 - reproducible, not secret
    vocabulary = everyday_words(_VOCABULARY)
    words = [word for word, _ in vocabulary]
    cumulative = list(itertools.accumulate(frequency**_FLATTEN for _, frequency in vocabulary))
    utterances = []
    for _ in range(count):
        chosen = tuple(rng.choices(words, cum_weights=cumulative, k=rng.choice((1, 2, 3, 3, 4, 4, 5, 5, 6, 7))))
        utterances.append(Utterance(chosen, tones_of(chosen)))
    return utterances


def random_syllables(count: int, seed: int) -> list[Utterance]:
    """`count` runs of two to nine syllables, each syllable of the language as often as any other."""
    rng = random.Random(f"syllables:{seed}")  # noqa: S311 - reproducible, not secret
    deck: list[str] = []
    utterances = []
    for _ in range(count):
        groups = []
        for _ in range(rng.randint(1, 4)):
            size = rng.choice((1, 2, 2, 3))
            if len(deck) < size:
                deck = sorted(SYLLABLES)
                rng.shuffle(deck)
            groups.append(tuple(deck.pop() + rng.choice("1112223334445") for _ in range(size)))
        utterances.append(Utterance(("",) * len(groups), tuple(groups)))
    return utterances


def foreign_speech(count: int, seed: int, *, judging: bool = False) -> list[Utterance]:
    """`count` runs of words of other languages (`data/foreign.txt`); those that judge are never among the others."""
    rng = random.Random(f"foreign:{seed}")  # noqa: S311 - reproducible, not secret
    lines: dict[str, list[list[str]]] = {}
    for heading, line in headed("foreign.txt"):
        if heading.startswith("test ") == judging:
            lines.setdefault(heading.removeprefix("test "), []).append(line.split())
    utterances = []
    for _ in range(count):
        # English most often: networks say everything in it a second time.
        language = "en" if "en" in lines and rng.random() < 0.25 else rng.choice(sorted(lines))
        words = list(rng.choice(lines[language]))
        if rng.random() < 0.5:
            other = rng.choice(lines[language])
            words = words[: rng.randint(2, len(words))] + other[rng.randint(0, len(other) - 2) :]
        if not judging and rng.random() < _MADE_UP_SHARE:
            words = [_made_up(word, rng.choice(rng.choice(lines[language])), rng) for word in words]
        utterances.append(Utterance(tuple(words), (), language))
    return utterances


def _made_up(word: str, other: str, rng: random.Random) -> str:
    """A word that no language has: the head of one and the tail of another, so that few lines give many sounds."""
    return word[: rng.randint(1, len(word))] + other[rng.randint(0, len(other) - 1) :]
