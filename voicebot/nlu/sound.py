"""How characters sound, as far as telephone recognisers confuse them.

A character is known by its toneless readings (pypinyin) and, folded, by the class of readings that dialects and
recognisers take for one another: n/l, zh/z, ch/c, sh/s, -n/-ng, and h/f before u. Each set of folded readings is one
symbol of a private alphabet, so that ordinary regular expressions can be matched by sound.
"""

from __future__ import annotations

import re
from functools import cache

from pypinyin.constants import PINYIN_DICT

from voicebot.nlu.characters import is_hanzi

# The readings that matter on the telephone; a dictionary's rare ones would make too much sound alike.
_POLYPHONES = {
    "还": ("hai", "huan"), "行": ("xing", "hang"), "了": ("le", "liao"), "得": ("de", "dei"), "长": ("chang", "zhang"),
    "重": ("zhong", "chong"), "着": ("zhe", "zhao"), "都": ("dou", "du"), "差": ("cha", "chai"), "调": ("diao", "tiao"),
    "谁": ("shei", "shui"), "这": ("zhe", "zhei"), "那": ("na", "nei"), "哪": ("na", "nei"),
    "地": ("de",), "便": ("bian", "pian"), "率": ("lv", "shuai"), "咋": ("za", "zha"),
    "嗯": ("en", "n"), "么": ("me", "ma"), "吗": ("ma", "me"), "呗": ("bei", "bai"), "啥": ("sha", "sa"),
}  # fmt: skip
# Sounds alike, means the opposite (卖 and 买), a quantity, or a relative (妈 and 吗, 弟 and 的): these are believed as
# written, and nothing else is taken for them.
_WRITTEN_ONLY = frozenset("爸妈哥弟姐妹哪那买卖一二两三四五六七八九十百千万亿零几俩半0123456789")
# Heard, these are what they are (不 is not 补); meant, they may be heard as others (部 for 不, 枚 for 没).
_HEARD_AS_WRITTEN = _WRITTEN_ONLY | frozenset("不没补")

_TONES = str.maketrans(
    "āáǎàēéěèōóǒòīíǐìūúǔùǖǘǚǜüńňǹḿếềê",
    "aaaaeeeeooooiiiiuuuuvvvvvnnnmeee",
)
_INITIALS = (("zh", "z"), ("ch", "c"), ("sh", "s"), ("n", "l"))
_HU = {
    "hu": "fu",
    "hui": "fei",
    "hua": "fa",
    "huan": "fan",
    "hun": "fen",
    "huo": "fo",
    "hong": "feng",
    "hung": "feng",
    "huang": "fang",
    "huai": "fai",
}
_FIRST_SYMBOL = 0xE000


def _without_g(syllable: str) -> str:
    return syllable[:-1] if syllable.endswith("ng") and not syllable.endswith("ong") else syllable


def _with_f(syllable: str) -> str:
    return _HU.get(syllable, syllable)


def _first_sound(syllable: str) -> str:
    for written, heard in _INITIALS:
        if syllable.startswith(written) and len(syllable) > len(written):
            return heard + syllable[len(written) :]
    return syllable


def fold(syllable: str) -> str:
    """The class of a toneless syllable: what may be heard for it falls into the same class."""
    return _first_sound(_without_g(_with_f(syllable)))


@cache
def readings(char: str) -> tuple[str, ...]:
    """Toneless readings of a character, the usual one first; the character itself where it has none."""
    if char in _POLYPHONES:
        return _POLYPHONES[char]
    listed = PINYIN_DICT.get(ord(char), "") if is_hanzi(char) else ""
    return (listed.split(",")[0].translate(_TONES) or char,)


@cache
def folded_readings(char: str) -> tuple[str, ...]:
    """The classes (`fold`) of a character's readings."""
    return tuple(sorted({fold(reading) for reading in readings(char)}))


def _alphabet() -> tuple[dict[int, str], dict[str, str]]:
    """For every Hanzi its symbol, and for every folded reading the symbols that may stand for it."""
    symbols: dict[tuple[str, ...], str] = {}
    sounds: dict[int, str] = {}
    alike: dict[str, str] = {}
    for code in range(0x4E00, 0xA000):
        char = chr(code)
        if char in _HEARD_AS_WRITTEN:
            continue
        key = folded_readings(char)
        if key not in symbols:
            symbols[key] = symbol = chr(_FIRST_SYMBOL + len(symbols))
            for reading in key:
                alike[reading] = alike.get(reading, "") + symbol
        sounds[code] = symbols[key]
    return sounds, alike


_SOUNDS, _ALIKE = _alphabet()


def sound_of(text: str) -> str:
    """`text` in symbols, character for character; what is no Hanzi, and what is believed as written, stays."""
    return text.translate(_SOUNDS)


def sounds_like(char: str) -> str:
    """All symbols that may have been heard for this character, and itself: the members of a regular expression's
    class.
    """
    if not is_hanzi(char) or char in _WRITTEN_ONLY:
        return char
    return char + "".join(sorted({symbol for reading in folded_readings(char) for symbol in _ALIKE[reading]}))


def by_sound(pattern: str) -> str:
    """A regular expression over characters as one over symbols: each Hanzi becomes all that sounds like it."""
    out: list[str] = []
    inside = False  # within [...] a Hanzi adds its members to the class that is already open
    for part in re.findall(r"\\.|.", pattern, re.DOTALL):
        if part == "[":
            inside = True
        elif part == "]":
            inside = False
        if len(part) > 1 or not is_hanzi(part):
            out.append(part)
        elif inside:
            out.append(sounds_like(part))
        else:
            out.append(f"[{sounds_like(part)}]")
    return "".join(out)


def same_reading(heard: str, meant: str) -> bool:
    """Whether what was heard can be read like what is meant, tones aside, without any dialect's confusion."""
    if heard in _HEARD_AS_WRITTEN or meant in _WRITTEN_ONLY:
        return heard == meant
    return not set(readings(heard)).isdisjoint(readings(meant))


def one_confusion(one: str, other: str) -> bool:
    """Whether one of the confusions alone (n/l and zh/z …, -n/-ng, h/f) makes two characters sound the same."""
    return any(
        step(mine) == step(theirs)
        for step in (_without_g, _with_f, _first_sound)
        for mine in readings(one)
        for theirs in readings(other)
    )
