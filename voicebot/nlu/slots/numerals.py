"""Chinese numbers as they are spoken: 两百五, 一万二, 二三十, 十五万六, 3点5, 20."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

_DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"两": 2, "俩": 2, "幺": 1, "仨": 3}
_SMALL_UNITS = {"十": 10, "百": 100, "千": 1000}
_LARGE_UNITS = {"万": 10**4, "w": 10**4, "亿": 10**8}
# What a number is written with; 几 stands for 2 to 9.
NUMERAL = r"[0-9零一二两俩三仨四五六七八九十百千万亿几]"


@dataclass(frozen=True, slots=True)
class Number:
    """A number said, exactly (`low == high`) or as a range."""

    low: Decimal
    high: Decimal

    def times(self, factor: Decimal | int) -> Number:
        """Both ends times a factor."""
        return Number(self.low * factor, self.high * factor)


def _digits(text: str) -> int | None:
    """A number of digits alone: 2026, 二零二六, 12."""
    values = [int(char) if char.isdigit() else _DIGITS.get(char) for char in text]
    if not values or None in values:
        return None
    return int("".join(map(str, values)))


def _below_ten_thousand(text: str) -> tuple[int, int] | None:
    """(value, scale of its last unit) of a number below 万; None if it is none."""
    total, pending, scale = 0, None, 1
    previous = 10**4
    for char in text:
        if char in _SMALL_UNITS:
            unit = _SMALL_UNITS[char]
            if unit >= previous:
                return None
            total += (1 if pending is None else pending) * unit
            pending, scale, previous = None, unit, unit
        else:
            digit = int(char) if char.isdigit() else _DIGITS.get(char)
            if digit is None or pending not in (None, 0):
                return None
            pending = digit
            if digit == 0:
                scale = 10  # after 零 the next digit is a plain one: 一百零五
    if pending is not None:
        # 三千五 is 3500, 一百二 is 120: a last digit without unit counts the next lower one.
        total += pending * (scale // 10 if scale >= 10 and total and "零" not in text[-2:] else 1)
    return total, scale


def integer(text: str) -> int | None:
    """The value of a Chinese, Arabic or mixed numeral without fractions and ranges; None if it is none."""
    if not text or len(text) > 24:
        return None
    if len(text) > 1 and (plain := _digits(text)) is not None:
        return plain
    total, section, last = 0, "", 0
    for char in text:
        unit = _LARGE_UNITS.get(char)
        if unit is None:
            section += char
            continue
        value = _whole(section) if section else None
        if section and value is None:
            return None
        if not section and not total:
            return None
        if last and unit >= last:
            total = (total + (value or 0)) * unit  # 一万亿
        else:
            total += (value or 0) * unit
        section, last = "", unit
    if section:
        value = _whole(section)
        if value is None:
            return None
        if last and len(section) == 1 and section not in "零十百千":
            value *= last // 10  # 一万二 is 12000, 十五万六 156000
        total += value
    return total


def _whole(text: str) -> int | None:
    if text.isdigit():
        return int(text)
    found = _below_ten_thousand(text)
    return None if found is None else found[0]


def number(text: str) -> Number | None:
    """A number said, exact or as a range (二三十, 十七八, 几万, 十几); None if it is none. Decimals use "." or 点."""
    text = text.replace("点", ".")
    if "几" in text:
        low, high = (integer(text.replace("几", digit)) for digit in ("二", "九"))
        if text.startswith("十几") or ("十几" in text):
            low = integer(text.replace("几", "一"))
        return None if low is None or high is None else Number(Decimal(low), Decimal(high))
    if "." in text:
        whole, _, rest = text.partition(".")
        unit = Decimal(1)
        while rest and rest[-1] in _LARGE_UNITS | _SMALL_UNITS:
            unit *= (_LARGE_UNITS | _SMALL_UNITS)[rest[-1]]
            rest = rest[:-1]
        value, decimals = integer(whole), _digits(rest)
        if value is None or decimals is None or len(rest) > 8:
            return None
        exact = (Decimal(value) + Decimal(decimals) / 10 ** len(rest)) * unit
        return Number(exact, exact)
    # 二三十, 三五百, 十七八万: two digits side by side, the second the larger, around one unit.
    for place in range(len(text) - 1):
        first, second = (_DIGITS.get(char, 0) for char in text[place : place + 2])
        units = any(char in "十百千万亿" for char in text) or (len(text) == 2 and second == first + 1)
        if 0 < first < second and units and not text[place].isdigit():
            without_second = integer(text[: place + 1] + text[place + 2 :])
            without_first = integer(text[:place] + text[place + 1 :])
            if without_first is not None and without_second is not None:
                return Number(Decimal(without_second), Decimal(without_first))
    exactly = integer(text)
    return None if exactly is None else Number(Decimal(exactly), Decimal(exactly))
