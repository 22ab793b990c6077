"""A text as the patterns read it: words only, and for each character its place in the text that was heard.

Two views are read side by side. The plain one leaves out blanks and unknown words; the lean one also leaves out
fillers (嗯, 那个, 就是 …), softening particles and stammers (我我我, 不不不), which a pattern need then not foresee.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from voicebot.nlu.characters import BLANK, CLAUSE_END, UNKNOWN_WORD, is_hanzi
from voicebot.nlu.sound import same_reading, sound_of, sounds_like


@dataclass(frozen=True, slots=True)
class View:
    """`text`, its `sound` (symbols, same length), and for every character its offset in the text heard."""

    text: str
    sound: str
    offsets: tuple[int, ...]

    def heard(self, start: int, end: int) -> tuple[int, int]:
        """The characters [start, end) of this view as a stretch of the text heard."""
        return self.offsets[start], self.offsets[end - 1] + 1

    def words(self) -> list[int]:
        """The offsets of the characters that are words."""
        return [place for place, char in zip(self.offsets, self.text, strict=True) if char != CLAUSE_END]


_FILLERS = re.compile(
    r"(?<![^\n])喂(?=[^喂\n])|嗯+|呃+|额(?!度)|那个(?!是(?![的啊嘞呀吧])|人|线|票|号)|这个(?!是(?![的啊嘞呀吧])|人|线|票|号|电话|手机|月|星期|礼拜|周)|就是(?!我|你)|就是说|啊+|呀|哎(?!呀)|唉|诶|哦+|噢+|喔|嘛|呢|哈+|嘞|呗|哟|嗨|欸|(?<!女)(?<!子)儿(?!子|女|媳|童)"
)
_STAMMER = re.compile(r"([\u4e00-\u9fff]{1,3})(?:\1)+")
_NO_STAMMER = frozenset("一二两三四五六七八九十百千万零几看等妈爸爷奶哥姐弟妹谢宝天个点刚常慢喂")


class Spelling:
    """What is spelled by its sound, and what is believed as it is written."""

    def __init__(self, by_sound: Iterable[str], as_written: Iterable[str], known: Mapping[str, str]) -> None:
        self._known = dict(known)
        by_sound = list(by_sound)
        self._by_sound = [(spelling_pattern(word), word) for word in by_sound]
        self._believed = re.compile("|".join(sorted({*by_sound, *as_written}, key=len, reverse=True)) or r"(?!)")

    def correct(self, text: str) -> str:
        """`text` with every stretch that is read like one of the trade's words spelled as that word.

        Tones aside, but without dialect's confusions: what is spelled anew must be sure.
        """
        for wrong, right in self._known.items():
            text = text.replace(wrong, right)
        sound = self.sound(text)
        for pattern, word in self._by_sound:
            for found in pattern.finditer(sound):
                start, end = found.span()
                if text[start:end] != word and all(map(same_reading, text[start:end], word)):
                    text = text[:start] + word + text[end:]
        return text

    def sound(self, text: str) -> str:
        """`text` in symbols; the characters of a believed word stand for themselves alone."""
        sound = sound_of(text)
        for found in self._believed.finditer(text):
            sound = sound[: found.start()] + found[0] + sound[found.end() :]
        return sound


def spelling_pattern(word: str) -> re.Pattern[str]:
    """Over symbols: any stretch that might be `word`, dialect's confusions included."""
    return re.compile("".join(f"[{sounds_like(char)}]" for char in word))


def plain_view(spelled: str, spelling: Spelling) -> View:
    """The plain view of a text in plain spelling."""
    kept = [(place, char) for place, char in enumerate(spelled) if char not in (BLANK, UNKNOWN_WORD)]
    text = spelling.correct("".join(char for _, char in kept))
    return View(text, spelling.sound(text), tuple(place for place, _ in kept))


def lean_view(plain: View) -> View:
    """The lean view of the same text."""
    keep = bytearray(b"\x01" * len(plain.text))
    for found in _FILLERS.finditer(plain.text):
        keep[found.start() : found.end()] = bytes(found.end() - found.start())
    places = [place for place, kept in enumerate(keep) if kept]
    text = "".join(plain.text[place] for place in places)
    # A stammer keeps its last saying, which is the one that went on.
    keep = bytearray(b"\x01" * len(text))
    for found in _STAMMER.finditer(text):
        said = found[1]
        if len(said) == 1 and (said in _NO_STAMMER or not is_hanzi(said)):
            continue
        if any(char in "一二两三四五六七八九十百千万" for char in said):
            continue
        drop = found.end() - found.start() - len(said)
        keep[found.start() : found.start() + drop] = bytes(drop)
    kept_places = [place for place, kept in enumerate(keep) if kept]
    chosen = [places[place] for place in kept_places]
    return View(
        "".join(plain.text[place] for place in chosen),
        "".join(plain.sound[place] for place in chosen),
        tuple(plain.offsets[place] for place in chosen),
    )
