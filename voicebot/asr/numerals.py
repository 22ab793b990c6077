"""Chinese numerals as they are said, in figures as they are written: 一百二十八点五 → 128.5, 十五万六 → 15.6万.

Strict: what is no well-formed numeral gives None, so 二三十 or 一两万 (about so many) stay words. The standard for
figures in Chinese texts (GB/T 15835-2011, 4.2) wants it so.
"""

from __future__ import annotations

import re
from decimal import Decimal

DIGITS = "零一二三四五六七八九"
NUMERAL = DIGITS + "〇幺两十百千万亿"
WAN, YI = 10**4, 10**8
_LONGEST = 32  # characters of a cardinal; an amount of twelve figures has 23

_FIGURE = {character: str(value) for value, character in enumerate(DIGITS)} | {"〇": "0", "幺": "1", "两": "2"}
_D, _T = "[一二三四五六七八九]", "[一二两三四五六七八九]"
_BELOW_WAN = re.compile(
    rf"(?:(?P<qian>{_T})千)?(?P<gap>零)?(?:(?P<bai>{_T})百)?(?P<zero>零)?(?:(?P<shi>{_D})?(?P<ten>十))?(?P<one>{_D})?"
)
_WHOLE = re.compile(r"(?:(?P<yi>.+)亿)?(?:(?P<wan>[^万亿]+)万)?(?P<rest>[^万亿]*)")


def row(text: str) -> str:
    """Digit by digit: 六零零五幺九 → 600519; "" for anything else."""
    figures = [_FIGURE.get(character, "") for character in text if character != "两"]
    return "".join(figures) if len(figures) == len(text) and all(figures) else ""


def cardinal(text: str) -> int | None:
    """The value of a whole number, a last unit left out included: 一百零五, 两千, 一百二 (120), 二十万五 (205000)."""
    text = text.replace("〇", "零")
    if len(text) == 1 and text in _FIGURE:
        return int(_FIGURE[text])
    found = _WHOLE.fullmatch(text) if 0 < len(text) <= _LONGEST else None
    if found is None:
        return None
    total, scale = 0, 0  # scale: the last large unit said
    for name, unit in (("yi", YI), ("wan", WAN), ("rest", 1)):
        said = found[name]
        if not said:
            continue
        if unit == YI and "万" in said:
            value = cardinal(said)  # 一万亿
        elif unit == 1 and scale and len(said) == 1:
            value = int(_FIGURE[said]) * scale // 10 if said in _FIGURE and said != "零" else None  # 一万二
        else:
            value = _below_wan(said, continues=scale > 0, counts=unit > 1)
            if scale and said[0] != "零" and "千" not in said:
                return None  # 一百万三十: rather two numbers
        if not value:
            return None
        total += value * unit
        scale = unit
    return total


def _below_wan(text: str, *, continues: bool, counts: bool) -> int | None:
    """1 to 9999. `continues`: larger units went before, so that it may begin with 零; `counts`: a unit follows."""
    if counts and text == "两":
        return 2
    said = text.removeprefix("零") if continues else text
    found = _BELOW_WAN.fullmatch(said)
    if found is None or not said or said[-1] == "零" or (found["gap"] and (found["zero"] or not found["qian"])):
        return None
    if found["qian"] and found["ten"] and not (found["gap"] or found["bai"]):
        return None  # 一千五十
    ones = int(_FIGURE[found["one"]]) if found["one"] else 0
    if len(said) > 1 and said[-2] in "百千" and ones:
        ones *= 10 if said[-2] == "百" else 100  # 一百二 is 120, 三千五 is 3500
    tens = int(_FIGURE[found["shi"] or "一"]) if found["ten"] else 0
    thousands, hundreds = (int(_FIGURE[found[name]]) if found[name] else 0 for name in ("qian", "bai"))
    return thousands * 1000 + hundreds * 100 + tens * 10 + ones


def figures(text: str) -> str | None:
    """A number said in any of these ways: a cardinal, a row of digits, one with 点. 万 and 亿 stay words, as people
    write them: 二十万 → 20万, 一亿三千五百万 → 1.35亿, 一点三亿 → 1.3亿; but 十二万三千四百五十六 → 123456.
    """
    whole, point, fraction = text.partition("点")
    if not point:
        if digits := row(text):
            return digits
        value = cardinal(text)
        return None if value is None else _counted(value) if value >= WAN else str(value)
    decimals = row(fraction.rstrip("万亿"))
    unit = fraction[len(decimals) :]
    before = row(whole) or cardinal(whole)
    fits = before is not None and decimals and unit in ("", "万", "亿", "万亿")
    return f"{before}.{decimals}{unit}" if fits else None


def _counted(value: int) -> str:
    """From 10000 on: in 万 or 亿 with at most two decimals, else in both, else in figures."""
    if value % (YI * WAN) == 0:
        return f"{value // (YI * WAN)}万亿"
    unit, name = (YI, "亿") if value >= YI else (WAN, "万")
    if value % (unit // 100) == 0:
        return f"{(Decimal(value) / unit).normalize():f}{name}"
    return f"{value // YI}亿{value % YI // WAN}万" if value > YI and value % WAN == 0 else str(value)
