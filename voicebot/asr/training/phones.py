"""The sounds of the acoustic model: toneless initials and finals, named by espeak's own phonemes.

Tonal finals were measured worse at the same budget; what tone would tell apart is left to the language model.
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
# Toneless pinyin → the one or two units of the acoustic model.
UNITS_OF = {syllable: _units(phonemes) for syllable, phonemes in SYLLABLES.items()}
SILENCE = 0
# All units; silence is the first.
UNITS = ("SIL", *sorted({unit for units in UNITS_OF.values() for unit in units}))
UNIT_ID = {unit: index for index, unit in enumerate(UNITS)}


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
