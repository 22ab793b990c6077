"""Chinese numerals, written as they are said."""

from __future__ import annotations

from decimal import Decimal

DIGITS = "零一二三四五六七八九"
_PLACES = ("", "十", "百", "千")
_GROUPS = ("", "万", "亿", "万亿")
LIMIT = 10**16
"""Numbers from here on have no agreed reading."""


def digits(text: str) -> str:
    """Figure by figure: "600519" → 六零零五一九. Raises `ValueError` for anything but ASCII figures."""
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{text!r} is not a row of figures")
    return "".join(DIGITS[int(figure)] for figure in text)


def cardinal(number: int, *, counting: bool = False) -> str:
    """A whole number: 120000 → 十二万, 10005 → 一万零五, −3 → 负三.

    `counting`: as before a unit of measure, where 2 is 两: 2 → 两, 200 → 两百 (but 12 → 十二, 220 → 两百二十).
    Raises `ValueError` from 10¹⁶ on.
    """
    if abs(number) >= LIMIT:
        raise ValueError(f"{number} is too large to be read")
    if number < 0:
        return "负" + cardinal(-number, counting=counting)
    if number == 0:
        return "零"
    if counting and number == 2:
        return "两"
    parts: list[str] = []
    gap = False  # a zero is owed before the next figure
    for index in range(len(_GROUPS) - 1, -1, -1):
        group = number // 10 ** (4 * index) % 10_000
        if group == 0:
            gap = gap or bool(parts)
            continue
        if parts and (gap or group < 1000):
            parts.append("零")
        parts.append(_group(group, unit=index > 0) + _GROUPS[index])
        gap = False
    words = "".join(parts)
    if words.startswith("一十"):
        words = words[1:]
    if counting and words[0] == "二" and words[1] in "百千万亿":
        words = "两" + words[1:]
    return words


def _group(group: int, *, unit: bool) -> str:
    """One to four figures. 两 stands for 二 before 千 and alone before 万 and 亿, as everybody says it."""
    if group == 2 and unit:
        return "两"
    words = ""
    gap = False
    for place in range(3, -1, -1):
        figure = group // 10**place % 10
        if figure == 0:
            gap = gap or bool(words)
            continue
        if gap:
            words += "零"
        words += ("两" if figure == 2 and place == 3 else DIGITS[figure]) + _PLACES[place]
        gap = False
    return words


def decimal(number: Decimal) -> str:
    """A number with a fraction, trailing zeros unsaid: 128.50 → 一百二十八点五, 0.05 → 零点零五."""
    whole, _, fraction = f"{abs(number):f}".partition(".")
    fraction = fraction.rstrip("0")
    words = cardinal(int(whole)) + (f"点{digits(fraction)}" if fraction else "")
    return f"负{words}" if number < 0 else words
