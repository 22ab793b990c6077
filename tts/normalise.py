"""Typed values: checked (`check`), read aloud (`spoken`) and written for transcripts (`written`).

The type decides the reading: 600519 as `digits` is a stock code, as `money` an amount. The types and their canonical
values:

| type | canonical | spoken | written |
|---|---|---|---|
| percent | 128.50 | 百分之一百二十八点五 | 128.50% |
| money (CNY) | 120000.00 | 十二万元 | 12万元 |
| date | 2026-11-25 | 十一月二十五日 | 11月25日 |
| full_date | 2026-11-25 | 二零二六年十一月二十五日 | 2026年11月25日 |
| time | 15:00 | 下午三点 | 15:00 |
| datetime | 2026-11-25T15:00 | 十一月二十五日下午三点 | 11月25日15:00 |
| digits | 600519 | 六零零五一九 | 600519 |
| integer | 12 | 十二 | 12 |
| name, title | 单建国 | 善建国: a surname that is often misread is respelled by its sound | 单建国 |
| text | any | see `tts.readable` | the same |
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal

from tts.numerals import cardinal, decimal, digits
from tts.readable import readable

__all__ = ["TYPES", "check", "readable", "spoken", "written"]

_HANZI = "\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff〇"
_NAME = re.compile(f"[{_HANZI}A-Za-z](?:[{_HANZI}A-Za-z·. ]*[{_HANZI}A-Za-z.])?")
_TITLE = re.compile(f"[{_HANZI}A-Za-z]+")
_NUMBER = r"[+-]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
_PERCENT = re.compile(f"({_NUMBER})%?")
_MONEY = re.compile(rf"[¥￥]?({_NUMBER})(万|亿)?(?:元|人民币|CNY)?", re.IGNORECASE)
_DATE = re.compile(r"(\d{4})(?:-(\d{1,2})-(\d{1,2})|/(\d{1,2})/(\d{1,2})|年(\d{1,2})月(\d{1,2})[日号]|(\d\d)(\d\d))")
_TIME = re.compile(r"(\d{1,2})(?::(\d{2})(?::00)?|[点时](?:(\d{1,2})分|(半))?)")
_DATETIME = re.compile(r"(.*[日号\d])(?:T|\s+|(?<=[日号]))(\d{1,2}[:点时].*)")
_MOST_MONEY = Decimal("1e12")
_LONGEST_TEXT = 500

# A surname whose usual reading as a word is another: written by a character that sounds like the name.
_SURNAMES = {
    "仇": "求", "单": "善", "解": "谢", "曾": "增", "区": "欧", "朴": "瓢", "任": "人", "华": "话", "查": "扎",
    "盖": "葛", "乐": "月", "燕": "烟", "黑": "贺", "翟": "宅", "隗": "伟", "员": "运", "召": "绍", "折": "舌",
    "种": "虫", "繁": "婆", "卜": "补", "曲": "屈", "过": "锅", "应": "英", "冼": "显", "洗": "显", "尹": "引",
    "万俟": "莫齐", "尉迟": "玉迟", "长孙": "掌孙", "澹台": "谈台", "令狐": "铃狐", "贾": "甲", "那": "纳",
}  # fmt: skip
# 那 is nā as a surname; no common character has that sound alone, the fourth tone is the usual slip and understood.
_ADDRESSES = ("先生", "女士", "小姐", "老师", "经理", "总")


@dataclass(frozen=True, slots=True)
class _Type:
    check: Callable[[str], str]
    spoken: Callable[[str], str]
    written: Callable[[str], str]


def check(type_: str, text: str) -> str:
    """The canonical value of what a person or file gave for a slot: ("money", "12万") → "120000.00".

    Full-width figures and spaces around are taken; everything doubtful is refused. Raises `ValueError` with one line
    that says what is expected, for an unknown type as well.
    """
    return _type(type_).check(text)


def spoken(type_: str, value: str) -> str:
    """How a canonical value (see `check`) is said, without figures. Raises `ValueError` as `check` does."""
    kind = _type(type_)
    return kind.spoken(kind.check(value))


def written(type_: str, value: str) -> str:
    """How a transcript shows a canonical value. Raises `ValueError` as `check` does."""
    kind = _type(type_)
    return kind.written(kind.check(value))


def _type(name: str) -> _Type:
    try:
        return TYPES[name]
    except KeyError:
        raise ValueError(f"unknown type {name!r}: one of {', '.join(TYPES)} is expected") from None


def _plain(text: str) -> str:
    """Full-width forms made plain (１２８．５％ → 128.5%), no spaces at the ends."""
    return unicodedata.normalize("NFKC", text).strip()


def _expected(text: str, what: str) -> ValueError:
    return ValueError(f"{text[:40]!r} is not {what}")


# ---------------------------------------------------------------- percent


def _check_percent(text: str) -> str:
    match = _PERCENT.fullmatch(_plain(text))
    if not match:
        raise _expected(text, "a percentage such as 128.5 or 128.50%")
    number = Decimal(match[1].replace(",", ""))
    if abs(number) >= 1_000_000:
        raise _expected(text, "a percentage under 1000000")
    shown = _shortest(number, places=2)
    if len(shown.partition(".")[2]) > 4:
        raise _expected(text, "a percentage with at most 4 decimals")
    return shown


def _shortest(number: Decimal, *, places: int) -> str:
    """Without an exponent, with at least so many decimals, further ones only if they are not zero."""
    whole, _, fraction = f"{number:f}".partition(".")
    shown = f"{whole.removeprefix('+')}.{fraction.rstrip('0').ljust(places, '0')}"
    return shown.removeprefix("-") if number == 0 else shown


def _speak_percent(value: str) -> str:
    return f"百分之{decimal(Decimal(value))}"


# ---------------------------------------------------------------- money


def _check_money(text: str) -> str:
    match = _MONEY.fullmatch(_plain(text).replace(" ", ""))
    if not match:
        raise _expected(text, "an amount in CNY such as 120000.00 or 12万")
    amount = Decimal(match[1].replace(",", "")) * {"万": 10_000, "亿": 100_000_000}.get(match[2], 1)
    if amount < 0:
        raise _expected(text, "an amount of zero or more")
    if amount >= _MOST_MONEY:
        raise _expected(text, "an amount under 1000000000000")
    if amount != round(amount, 2):
        raise _expected(text, "an amount in whole fen")
    return f"{amount:.2f}"


def _speak_money(value: str) -> str:
    fen = int(Decimal(value) * 100)
    yuan, jiao, fen = fen // 100, fen // 10 % 10, fen % 10
    words = f"{cardinal(yuan, counting=True)}元" if yuan or not (jiao or fen) else ""
    if jiao:
        words += f"{cardinal(jiao, counting=not words)}角"
    elif words and fen:
        words += "零"
    if fen:
        words += f"{cardinal(fen, counting=not words)}分"
    return words


def _write_money(value: str) -> str:
    amount = Decimal(value)
    for unit, size in (("亿", Decimal(100_000_000)), ("万", Decimal(10_000))):
        if amount >= size and amount % (size / 100) == 0:
            return f"{_trimmed(amount / size)}{unit}元"
    return f"{_trimmed(amount)}元" if amount == amount.to_integral_value() else f"{amount:,.2f}元"


def _trimmed(number: Decimal) -> str:
    shown = f"{number:,f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


# ---------------------------------------------------------------- date and time


def _parse_date(text: str) -> date:
    match = _DATE.fullmatch(_plain(text))
    if not match:
        raise _expected(text, "a date such as 2026-11-25")
    year, *rest = (int(part) for part in match.groups() if part)
    try:
        return date(year, *rest)
    except ValueError:
        raise _expected(text, "a date of the calendar") from None


def _parse_time(text: str) -> time:
    match = _TIME.fullmatch(_plain(text))
    if not match:
        raise _expected(text, "a time such as 15:00")
    try:
        return time(int(match[1]), 30 if match[4] else int(match[2] or match[3] or 0))
    except ValueError:
        raise _expected(text, "a time from 00:00 to 23:59") from None


def _parse_datetime(text: str) -> datetime:
    match = _DATETIME.fullmatch(_plain(text))
    if not match:
        raise _expected(text, "a date and time such as 2026-11-25 15:00")
    return datetime.combine(_parse_date(match[1]), _parse_time(match[2]))


def _speak_date(day: date) -> str:
    return f"{cardinal(day.month)}月{cardinal(day.day)}日"


def _speak_time(moment: time) -> str:
    hour, minute = moment.hour, moment.minute
    part = next(name for before, name in _PARTS if hour < before)
    words = f"{part}{cardinal(hour if hour <= 12 else hour - 12, counting=True)}点"
    if minute == 30:
        return f"{words}半"
    if minute == 0:
        return words
    return f"{words}{'零' if minute < 10 else ''}{cardinal(minute)}分"


_PARTS = ((6, "凌晨"), (9, "早上"), (12, "上午"), (13, "中午"), (18, "下午"), (24, "晚上"))


# ---------------------------------------------------------------- the rest


def _check_digits(text: str) -> str:
    plain = _plain(text)
    if not (plain.isascii() and plain.isdigit()) or len(plain) > 32:
        raise _expected(text, "a row of figures such as 600519")
    return plain


def _check_integer(text: str) -> str:
    match = re.fullmatch(r"([+-]?)(\d{1,3}(?:,\d{3})+|\d+)", _plain(text), re.ASCII)
    if not match or len(match[2]) > 16:
        raise _expected(text, "a whole number such as 12")
    number = int(match[0].replace(",", ""))
    if abs(number) >= 10**12:
        raise _expected(text, "a whole number under 1000000000000")
    return str(number)


def _check_name(text: str) -> str:
    name = _plain(text)
    if not _NAME.fullmatch(name) or len(name) > 40:
        raise _expected(text, "a name such as 王建国")
    return name


def _check_title(text: str) -> str:
    title = _plain(text)
    if not _TITLE.fullmatch(title) or len(title) > 20:
        raise _expected(text, "a form of address such as 先生")
    return title


def _check_text(text: str) -> str:
    plain = text.strip()
    if not plain or len(plain) > _LONGEST_TEXT or any(unicodedata.category(c) in ("Cc", "Cs", "Co") for c in plain):
        raise _expected(text, f"a line of 1 to {_LONGEST_TEXT} characters")
    return plain


def _speak_name(name: str) -> str:
    return readable(_surname(name, end=len(name)))


def _speak_title(title: str) -> str:
    """先生 as it is; 单先生 with its surname."""
    address = next((word for word in _ADDRESSES if title.endswith(word)), title)
    return readable(_surname(title, end=len(title) - len(address)))


def _surname(name: str, *, end: int) -> str:
    for length in (2, 1):
        if length <= end and (sound := _SURNAMES.get(name[:length])):
            return sound + name[length:]
    return name


def _same(value: str) -> str:
    return value


TYPES = {
    "percent": _Type(_check_percent, _speak_percent, lambda value: f"{value}%"),
    "money": _Type(_check_money, _speak_money, _write_money),
    "date": _Type(
        lambda text: _parse_date(text).isoformat(),
        lambda value: _speak_date(date.fromisoformat(value)),
        lambda value: "{0.month}月{0.day}日".format(date.fromisoformat(value)),
    ),
    "full_date": _Type(
        lambda text: _parse_date(text).isoformat(),
        lambda value: f"{digits(value[:4])}年{_speak_date(date.fromisoformat(value))}",
        lambda value: "{0.year}年{0.month}月{0.day}日".format(date.fromisoformat(value)),
    ),
    "time": _Type(
        lambda text: _parse_time(text).isoformat("minutes"), lambda value: _speak_time(time.fromisoformat(value)), _same
    ),
    "datetime": _Type(
        lambda text: _parse_datetime(text).isoformat(timespec="minutes"),
        lambda value: _speak_date(moment := datetime.fromisoformat(value)) + _speak_time(moment.time()),
        lambda value: "{0.month}月{0.day}日{0:%H:%M}".format(datetime.fromisoformat(value)),
    ),
    "digits": _Type(_check_digits, digits, _same),
    "integer": _Type(_check_integer, lambda value: cardinal(int(value)), _same),
    "name": _Type(_check_name, _speak_name, _same),
    "title": _Type(_check_title, _speak_title, _same),
    "text": _Type(_check_text, readable, _same),
}
