"""Free text made sayable: only Hanzi and Chinese punctuation are left, so no engine has to guess at a figure.

Dates, times, amounts, fractions and ranges are read by wetext, whose grammar reads them right. Read here, because it
reads them wrong: rows of five and more figures (hotlines, stock codes: it reads 12386 as a number), T+1 (it says 正一),
trailing zeros of percentages, Latin letters and signs (it leaves them).
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal

from tts.figures import FIGURES
from tts.numerals import decimal, digits

_HANZI = "\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff"
_PAUSES = "，。？！、；："
_READABLE = re.compile(f"[{_HANZI}{_PAUSES}]*")

# The letters as Chinese speakers name them.
_LETTERS = {
    "A": "诶", "B": "必", "C": "西", "D": "地", "E": "衣", "F": "艾弗", "G": "记", "H": "艾尺", "I": "爱", "J": "杰",
    "K": "开", "L": "艾欧", "M": "艾姆", "N": "恩", "O": "欧", "P": "批", "Q": "秋", "R": "阿尔", "S": "艾斯",
    "T": "踢", "U": "优", "V": "微", "W": "达不溜", "X": "艾克斯", "Y": "外", "Z": "贼",
}  # fmt: skip
_SIGNS = {
    "+": "加", "=": "等于", "&": "和", "@": "艾特", "×": "乘", "*": "乘", "÷": "除以", "<": "小于", ">": "大于",
    "≤": "小于等于", "≥": "大于等于", "≈": "约等于", "±": "正负", "~": "到", "～": "到", "%": "百分号", "‰": "千分号",
    "°": "度", "〇": "零", "○": "零", "¥": "元", "￥": "元", "$": "美元", "€": "欧元", "#": "井号", "−": "负",
}  # fmt: skip
_STOPS = {
    ",": "，", ".": "。", "?": "？", "!": "！", ";": "；", ":": "：", "…": "，", "—": "，", "(": "，", ")": "，",
    "（": "，", "）": "，", "【": "，", "】": "，", "[": "，", "]": "，", "\n": "，", "\t": "，", "|": "，", "·": "",
}  # fmt: skip

# (?<![0-9.]) and its like keep to whole numbers.
_PERCENT = re.compile(r"(?<![0-9.])(-?)([0-9]{1,15}(?:\.[0-9]+)?)([%‰])")
_ROW = re.compile(r"(?<![0-9.,:：¥￥$])([0-9]{5,})(?![0-9.,]*[0-9%‰万亿元块股份手户人年月日天倍]|[.,:：][0-9])")
_PLUS = re.compile(r"\+([0-9]+)(?![0-9.])")
_PER = re.compile(f"(?<=[{_HANZI}])/(?=[{_HANZI}])")
_LETTER_FIGURE = re.compile(r"(?<=[A-Za-z])([0-9]+)(?![0-9.%])")
_TIMES = re.compile(r"(?<=[0-9])\s*[*×]\s*(?=[0-9])")


def readable(text: str) -> str:
    """Text as it is said: Hanzi and ，。？！、；： only. "请拨12386" → 请拨一二三八六, "T+1" → 踢加一.

    What has no reading (emoji, quotation marks, other scripts) is left out. Text that is already readable comes back
    as it is. Never raises; gives "" when nothing can be said.
    """
    if _READABLE.fullmatch(text):
        return text
    text = "".join(map(_plain, text))
    text = _TIMES.sub("乘", text)
    text = _PLUS.sub(lambda row: f"加{digits(row[1])}", text)
    text = _PERCENT.sub(_percent, text)
    text = _ROW.sub(lambda row: digits(row[1]), text)
    text = _LETTER_FIGURE.sub(lambda row: digits(row[1]), text)
    text = _PER.sub("每", text)
    if any(character in "0123456789" for character in text):
        text = FIGURES.read(text)
    text = re.sub(r"[0-9]+", lambda row: digits(row[0]), text)
    return re.sub(f"(?<=[{_PAUSES}])，+", "", "".join(map(_say, text)))


def _plain(character: str) -> str:
    """Full-width and other forms of letters and figures as ASCII; Chinese punctuation stays as it is."""
    if character.isascii() or character in _PAUSES or character in _STOPS:
        return character
    plain = unicodedata.normalize("NFKC", character)
    return plain if all((c.isascii() and c.isprintable()) or "\u3400" <= c <= "\u9fff" for c in plain) else character


def _percent(match: re.Match[str]) -> str:
    return f"{'百' if match[3] == '%' else '千'}分之{decimal(Decimal(match[1] + match[2]))}"


def _say(character: str) -> str:
    if _READABLE.fullmatch(character):
        return character
    return _LETTERS.get(character.upper()) or _SIGNS.get(character) or _STOPS.get(character, "")
