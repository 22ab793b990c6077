"""How much: 二十万, 二三十个 (万), 两百来万, 十五万六, 一半, 百分之三十."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from voicebot.nlu.slots.numerals import NUMERAL, Number, number

_WAN = 10_000
_COUNTED = (
    "月|小时|钟|人|合约|账户|票|交易|工作|星期|礼拜|点|问题|事|电话|字|意思|办法"
    "|次|股|基金|产品|百分点|多小时|半|东西|号|年|亿|朋友|孩子|证券|公司"
)
_NUMBER = rf"{NUMERAL}+(?:[点.]{NUMERAL}+)?"
_MONEY = re.compile(
    rf"(?P<low>{_NUMBER})(?:(?:到|至|~)(?P<high>{_NUMBER}))?(?P<about>来|多|把|余|个(?=亿))?(?P<wan>[万亿w])?"
    rf"(?:(?P<tail>(?<=[万亿w])[一二三四五六七八九1-9](?![点个天号月年成次]))|(?P<thousands>(?<=万)[一二三四五六七八九]千))?"
    rf"(?P<unit>块钱|块|元钱|元|圆|个(?!{_COUNTED}))?(?:钱|人民币|现金)?"
)
_FRACTIONS = {
    "一半": "1/2",
    "一大半": "2/3", "大半": "2/3", "一小半": "1/3", "三分之一": "1/3", "三分之二": "2/3", "四分之一": "1/4",
    "四分之三": "3/4", "五分之一": "1/5", "十分之一": "1/10", "半数": "1/2",
}  # fmt: skip
_FRACTION = re.compile("|".join(sorted(_FRACTIONS, key=len, reverse=True)) + "|(?<=[补还转])全部|全部(?=[补还转])")
_PERCENT = re.compile(
    rf"百分之(?P<percent>{_NUMBER}|百)|(?P<sign>[0-9]+(?:\.[0-9]+)?)%|(?P<points>{_NUMBER})个(?:百分)?点(?!的事|时间)|(?P<tenths>[一二三四五六七八九两])成(?=$|[\n左右仓的吧了])"
)
# 二十个 is money beside one of these, or from ten on: three of something else is said as often as thirty thousand.
_PAID = re.compile(
    r"(?:补|还|转|打|存|凑|拿|进|汇|追加|入|卖|放|加|充|出|筹|借|付)(?:个|进去|上|到|出|它|大概|差不多|最多|至少|先|你们|了)*$"
)
_LEAST_BARE = 10


@dataclass(frozen=True, slots=True)
class Quantity:
    """A quantity said at [start, end) of the view; `value`: "200000", "200000–300000", "1/2", or percent "130"."""

    start: int
    end: int
    value: str


def _plain(value: Decimal) -> str:
    text = format(value.normalize(), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _written(amount: Number) -> str:
    """One figure, or "low–high" with an en dash."""
    return _plain(amount.low) if amount.low == amount.high else f"{_plain(amount.low)}–{_plain(amount.high)}"


def _money(text: str, found: re.Match[str]) -> str | None:
    """The amount in CNY, None if the words count something else."""
    said, unit = found["low"], found["unit"] or ""
    large = "万" in said or "亿" in said or "w" in said or found["wan"]
    scale = {"万": _WAN, "w": _WAN, "亿": 10**8}.get(found["wan"] or "", 1)
    value = number(said + (found["tail"] or "" if not found["wan"] else ""))
    if value is None:
        return None
    if found["high"]:
        upper = number(found["high"])
        if upper is None:
            return None
        if found["high"][-1] in "万亿百千" and value.high < 100 and not large:
            # 二十到三十万: the unit said once is meant twice.
            value = value.times({"万": _WAN, "亿": 10**8, "千": 1000, "百": 100}[found["high"][-1]])
            large = True
        large = large or "万" in found["high"]
        value = Number(value.low, upper.high)
    value = value.times(scale)
    if found["tail"] and found["wan"]:
        value = Number(*(end + int(number(found["tail"]).low) * scale // 10 for end in (value.low, value.high)))  # type: ignore[union-attr]  # one digit is a number
    if unit.startswith("个") and not large:
        if value.low < _LEAST_BARE and not _PAID.search(text[: found.start()]):
            return None
        value = value.times(_WAN)
    elif not unit and not large and not _is_money_unmarked(text, found, value):
        return None
    if value.low > value.high:
        return None
    return _written(value)


def _is_money_unmarked(text: str, found: re.Match[str], value: Number) -> bool:
    """三千五, 两百 without 万 or 元: money only where something is paid, or 钱 follows."""
    if found[0].endswith(("钱", "人民币", "现金")):
        return True
    rounded = found["low"][-1] in "百千" or (value.low >= 100 and any(char in "百千" for char in found["low"]))
    follows = text[found.end() : found.end() + 1]
    return rounded and bool(_PAID.search(text[: found.start()])) and follows not in set("股手只次天个号点年月%")


def amounts(text: str) -> Iterator[Quantity]:
    """Every amount of money, and fractions of one, in a plain view's text."""
    for found in _FRACTION.finditer(text):
        yield Quantity(*found.span(), _FRACTIONS.get(found[0], "1"))
    for found in _MONEY.finditer(text):
        if text[: found.start()].endswith(("百分之", "分之")) or text[found.end() : found.end() + 1] == "%":
            continue
        if text.startswith(("股", "手", "份", "人", "年", "次", "小时"), found.end()):
            continue
        value = _money(text, found)
        if value is not None:
            yield Quantity(*found.span(), value)


def percents(text: str) -> Iterator[Quantity]:
    """Every percentage in a plain view's text, as a plain decimal of percent."""
    for found in _PERCENT.finditer(text):
        if found["tenths"]:
            said = number(found["tenths"])
            value = said.times(10) if said else None
        elif found["sign"]:
            value = Number(Decimal(found["sign"]), Decimal(found["sign"]))
        else:
            said_text = found["percent"] or found["points"]
            value = Number(Decimal(100), Decimal(100)) if said_text == "百" else number(said_text)
        if value is not None:
            yield Quantity(*found.span(), _written(value))
