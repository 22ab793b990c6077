"""Words: how a sentence is cut into them, how they sound, and which everyday ones the ear knows beyond its corpus."""

from __future__ import annotations

import itertools
import logging
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import jieba
from pypinyin import Style, lazy_pinyin, pinyin

from voicebot.asr.training.phones import SYLLABLES, as_heard, toneless
from voicebot.asr.training.texts import headed

_NUMERALS = frozenset("零〇一二两三四五六七八九十百千万亿点幺")
# Interjections for which pypinyin gives consonants alone; espeak says them as a nasal or as "en".
_SPOKEN_AS = {"n": "en", "ng": "en", "m": "en", "hm": "heng", "hng": "heng"}
# A word's reading: its syllables with their tones, as they are heard.
Reading = tuple[str, ...]
_MOST_READING_COST = 3.0
_LIFTED = 0.3  # of a final third tone's weight goes to its rising twin; a third tone follows about so often


@lru_cache(maxsize=1)
def _listed() -> dict[str, frozenset[str]]:
    """The lists of `data/words.txt` by their headings."""
    lists: dict[str, set[str]] = {}
    for heading, line in headed("words.txt"):
        lists.setdefault(heading, set()).update(line.split())
    return {name: frozenset(words) for name, words in lists.items()}


def _is_number(word: str) -> bool:
    """Whether a word is (part of) a number: it has a numeral and is none of the words that only look so."""
    return not _NUMERALS.isdisjoint(word) and word not in _listed()["with a numeral, yet no number"]


@lru_cache(maxsize=1)
def _tokenizer() -> jieba.Tokenizer:
    jieba.setLogLevel(logging.WARNING)
    tokenizer = jieba.Tokenizer()
    tokenizer.initialize()
    for word in sorted(_listed()["of the trade"]):
        tokenizer.add_word(word, freq=20000)
    return tokenizer


def words_of(sentence: str) -> tuple[str, ...]:
    """Cut a sentence of Hanzi into words; numbers fall into their characters, so that every number can be heard."""
    words: list[str] = []
    for word in _tokenizer().cut(sentence, HMM=False):
        if word.startswith("百分之") and len(word) > 3:
            words += ["百分之", *word[3:]]
        elif word == "百分之" or not _is_number(word):
            words.append(word)
        else:
            words += word
    return tuple(words)


def tones_of(words: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """The tone syllables ("hao3", 5 for the neutral tone) of each word, read in the context of the whole sentence.

    Raises `ValueError` for a character without a reading.
    """
    read = lazy_pinyin(
        list(words), style=Style.TONE3, neutral_tone_with_five=True, tone_sandhi=True, v_to_u=False, errors="ignore"
    )
    if len(read) != sum(map(len, words)):
        raise ValueError(f"not every character of {''.join(words)} has a reading")
    syllables = iter(map(_spoken, read))
    return tuple(tuple(itertools.islice(syllables, len(word))) for word in words)


def _spoken(syllable: str) -> str:
    base = toneless(syllable)
    return _SPOKEN_AS.get(base, base) + (syllable[len(base) :] or "5")


def readings_of(character: str) -> tuple[str, ...]:
    """All readings of one character that the ear has sounds for, the commonest first."""
    found = pinyin(
        character,
        style=Style.TONE3,
        heteronym=True,
        neutral_tone_with_five=True,
        v_to_u=False,
        errors="ignore",
    )
    spoken = [_spoken(reading) for reading in (found[0] if found else ())]
    return tuple(dict.fromkeys(reading for reading in spoken if toneless(reading) in SYLLABLES))


@lru_cache(maxsize=1)
def level_one_characters() -> frozenset[str]:
    """The 3,755 everyday characters (GB 2312 level 1), less those without a sound of ours."""
    rows = (bytes([high, low]) for high in range(0xB0, 0xD8) for low in range(0xA1, 0xFF))
    decoded = (row.decode("gb2312", errors="ignore") for row in rows)
    return frozenset(character for character in decoded if character and readings_of(character))


def everyday_words(count: int) -> list[tuple[str, int]]:
    """The `count` commonest words of one to four everyday characters with their frequency, by jieba's dictionary."""
    known = level_one_characters()
    frequencies: Iterable[tuple[str, int]] = _tokenizer().FREQ.items()
    usable = ((word, n) for word, n in frequencies if n > 0 and 1 <= len(word) <= 4 and known.issuperset(word))
    plain = ((word, n) for word, n in usable if len(word) == 1 or not _is_number(word))
    return sorted(plain, key=lambda item: (-item[1], item[0]))[:count]


def build_lexicon(
    sentences: Iterable[Sequence[str]],
    spoken: Mapping[str, Mapping[Reading, int]],
    everyday: Iterable[str],
    dictionary: Mapping[str, Reading],
) -> dict[str, dict[Reading, float]]:
    """Every word the ear knows with its readings and what each costs (−ln, the commonest 0).

    `sentences`: words in context, read as pypinyin does; `spoken`: how often espeak read a word how; `everyday`: words
    beyond the corpus; `dictionary`: how espeak reads a word by itself. All everyday characters are words of their own
    too. A word that ends in a third tone has that of a second tone as well, for what follows may lift it.
    """
    counts: dict[str, Counter[Reading]] = {}
    for words in sentences:
        heard = iter(as_heard([syllable for word in tones_of(words) for syllable in word]))
        for word in words:
            counts.setdefault(word, Counter())[tuple(itertools.islice(heard, len(word)))] += 1
    for word in everyday:
        if word not in counts:
            counts[word] = Counter({as_heard(tones_of((word,))[0]): 1})
    for character in level_one_characters():
        known = counts.setdefault(character, Counter())
        for rank, reading in enumerate(readings_of(character)[:2]):
            if rank == 0:
                known[(reading,)] += 1
            elif (reading,) not in known:
                known[(reading,)] = max(1, known.total() // 5)  # a second reading counts, but little
    for word, known in counts.items():
        if word in dictionary:
            known[dictionary[word]] += max(1, known.total() // 3)
        known.update(spoken.get(word, {}))
    return {word: _costs(readings) for word, readings in counts.items()}


def _costs(readings: Mapping[Reading, int]) -> dict[Reading, float]:
    """The cost of each reading, less those too rare to be worth the search."""
    weights = {r: float(n) for r, n in readings.items() if all(toneless(syllable) in SYLLABLES for syllable in r)}
    for reading, weight in list(weights.items()):
        if reading[-1][-1] == "3":
            lifted = (*reading[:-1], reading[-1][:-1] + "2")
            weights[lifted] = max(weights.get(lifted, 0.0), _LIFTED * weight)
    most = max(weights.values(), default=1.0)
    costs = {reading: round(math.log(most / weight), 3) for reading, weight in weights.items()}
    return {reading: cost for reading, cost in costs.items() if cost <= _MOST_READING_COST}
