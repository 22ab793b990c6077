"""The sounds of the acoustic model: initials and finals with their tone, named by espeak's own phonemes.

A syllable is written as pinyin with a tone digit, "hao3"; 5 is the neutral tone. A third tone before another third
tone is written as what is heard, a second tone.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from voicebot.asr.training.texts import lines

_INITIALS = frozenset(
    [
        "p",
        "ph",
        "t",
        "th",
        "k",
        "kh",
        "ts",
        "tsh",
        "ts.",
        "ts.h",
        "tS;",
        "tS;h",
        "s",
        "s.",
        "S;",
        "f",
        "X",
        "z.",
        "l",
        "m",
        "n",
        "w",
        "j",
    ]
)
# Syllables whose pinyin espeak-ng 1.52 reads as English letters; their phonemes are given to it directly.
UNREADABLE = {"jiong": "tS;j'ong", "qiong": "tS;hj'ong", "xiong": "S;j'ong"}


def _read_syllables() -> dict[str, tuple[str, ...]]:
    split = (line.split() for line in lines("syllables.txt"))
    return {syllable: tuple(phonemes) for syllable, *phonemes in split}


def _units(phonemes: Sequence[str]) -> tuple[str, ...]:
    if len(phonemes) > 1 and phonemes[0] in _INITIALS:
        return (phonemes[0], "_".join(phonemes[1:]))
    return ("_".join(phonemes),)


# Toneless pinyin → the phonemes espeak speaks for it (its stress marks left out).
SYLLABLES = _read_syllables()
TONES = "12345"
SILENCE, GARBAGE = 0, 1
_SPLIT = {syllable: _units(phonemes) for syllable, phonemes in SYLLABLES.items()}
_FINALS = sorted({units[-1] for units in _SPLIT.values()})
# All units; silence is the first, speech in no words of ours ("[unk]") the second.
UNITS = ("SIL", "GBG", *sorted(_INITIALS), *(final + tone for final in _FINALS for tone in TONES))
UNIT_ID = {unit: index for index, unit in enumerate(UNITS)}


def toneless(syllable: str) -> str:
    """The syllable without its tone digit."""
    return syllable.rstrip(TONES)


def units_of(syllable: str) -> tuple[str, ...]:
    """The one or two units of a syllable with its tone. Raises `KeyError` for a syllable that is none."""
    *initial, final = _SPLIT[toneless(syllable)]
    return (*initial, final + syllable[-1])


def as_heard(syllables: Sequence[str], breaks: frozenset[int] = frozenset()) -> tuple[str, ...]:
    """Syllables with the sandhi of third tones, as espeak speaks it: one before another one rises like a second.

    `breaks`: indices of syllables with a pause behind them, which keep their tone.
    """
    followers = (*syllables[1:], "")[: len(syllables)]
    return tuple(
        syllable[:-1] + "2" if syllable[-1] == "3" == follower[-1:] and index not in breaks else syllable
        for index, (syllable, follower) in enumerate(zip(syllables, followers, strict=True))
    )


@lru_cache(maxsize=1)
def _by_first() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for syllable, phonemes in SYLLABLES.items():
        found.setdefault(phonemes[0], []).append(syllable)
    # The longest first: "wan" before what only begins like it.
    return {first: sorted(group, key=lambda s: (-len(SYLLABLES[s]), s)) for first, group in found.items()}


def split_syllables(phonemes: Sequence[str], expected: Sequence[Sequence[str]]) -> list[str] | None:
    """The syllables that a run of phonemes (without pauses and stress marks) consists of, one for each entry of
    `expected`, which holds the readings to prefer there; None when it cannot be cut so.
    """
    dead: set[tuple[int, int]] = set()

    def cut(at: int, index: int) -> list[str] | None:
        if index == len(expected):
            return [] if at == len(phonemes) else None
        if at >= len(phonemes) or (at, index) in dead:
            return None
        preferred = list(expected[index])
        for syllable in preferred + [s for s in _by_first().get(phonemes[at], ()) if s not in preferred]:
            known = SYLLABLES.get(syllable)
            if known and tuple(phonemes[at : at + len(known)]) == known:
                rest = cut(at + len(known), index + 1)
                if rest is not None:
                    return [syllable, *rest]
        dead.add((at, index))
        return None

    return cut(0, 0)
