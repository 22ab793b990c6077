"""Typed values: what a contact's data may hold, its canonical form, and how a transcript writes it.

How a value is spoken is the voice's business; scripts see canonical strings only.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime, time
from decimal import Decimal

from voicebot.flow.vocabulary import banned_in

MONEY_MAX = Decimal(10) ** 12  # CNY, exclusive; more than any account: a slip of the keyboard
PERCENT_MAX = Decimal(100_000)
TEXT_MAX = 60
TITLES = ("先生", "女士")
COMPARABLE = ("money", "percent", "integer")  # the types of which one can be below another

_DECIMAL = re.compile(r"[0-9]{1,13}(\.[0-9]{1,2})?")
_HANZI = r"\u3400-\u9fff\U00020000-\U0003ffff"
_NAME = re.compile(rf"[{_HANZI}A-Za-z][{_HANZI}A-Za-z·]{{0,19}}")
_MARKUP = frozenset("<>{}[]|\\`&$#*_~^")


def canonical(type_: str, text: str) -> str:
    """A value's one form: "120000.00" for money (CNY), "128.50" or "140" for percent, ISO 8601 for date, time (minutes)
    and datetime (local, "2026-11-25T15:00"). Raises `ValueError` with what is wanted instead.
    """
    return _CANONICAL[type_](text.strip())


def written(type_: str, value: str) -> str:
    """How a transcript shows a canonical value: "12万元", "128.50%", "11月25日15:00", "2026年11月25日" (full_date)."""
    match type_:
        case "money":
            return _written_money(Decimal(value))
        case "percent":
            return f"{value}%"
        case "date":
            day = date.fromisoformat(value)
            return f"{day.month}月{day.day}日"
        case "full_date":
            day = date.fromisoformat(value)
            return f"{day.year}年{day.month}月{day.day}日"
        case "datetime":
            moment = datetime.fromisoformat(value)
            return f"{moment.month}月{moment.day}日{moment:%H:%M}"
        case _:
            return value


def _written_money(amount: Decimal) -> str:
    for unit, name in ((Decimal(10) ** 8, "亿元"), (Decimal(10) ** 4, "万元")):
        if amount >= unit and (share := amount / unit) == round(share, 2):
            return f"{share.normalize():f}{name}"
    return f"{amount.normalize():f}元" if amount == amount.to_integral_value() else f"{amount:.2f}元"


def _decimal(text: str) -> Decimal:
    if not _DECIMAL.fullmatch(text):
        raise ValueError("a plain number with at most two decimals is wanted, such as 120000.00")
    return Decimal(text)


def _money(text: str) -> str:
    amount = _decimal(text)
    if not Decimal("0.01") <= amount < MONEY_MAX:
        raise ValueError("an amount from 0.01 to under 1000000000000 yuan is wanted")
    return f"{amount:.2f}"


def _percent(text: str) -> str:
    number = _decimal(text.removesuffix("%"))
    if number > PERCENT_MAX:
        raise ValueError("a percentage from 0 to 100000 is wanted, such as 128.50")
    return f"{number:.0f}" if number == number.to_integral_value() else f"{number:.2f}"


def _date(text: str) -> str:
    wanted = "a real date from 2000 to 2100 is wanted, such as 2026-11-25"
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise ValueError(wanted)
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ValueError(wanted) from None
    if not 2000 <= day.year <= 2100:
        raise ValueError(wanted)
    return text


def _time(text: str) -> str:
    if not re.fullmatch(r"[0-9]{2}:[0-9]{2}", text):
        raise ValueError("a time of day is wanted, such as 15:00")
    try:
        return time.fromisoformat(text).isoformat("minutes")
    except ValueError:
        raise ValueError("a time of day is wanted, such as 15:00") from None


def _datetime(text: str) -> str:
    if not re.fullmatch(r"[0-9-]{10}[ T][0-9:]{5}", text):
        raise ValueError("a date and time is wanted, such as 2026-11-25T15:00")
    return f"{_date(text[:10])}T{_time(text[11:])}"


def _digits(text: str) -> str:
    if not re.fullmatch(r"[0-9]{1,20}", text):
        raise ValueError("1 to 20 digits and nothing else are wanted, such as 600519")
    return text


def _integer(text: str) -> str:
    if not re.fullmatch(r"-?[0-9]{1,12}", text):
        raise ValueError("a whole number of at most 12 digits is wanted")
    return str(int(text))


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError("a name of 1 to 20 Chinese characters or letters is wanted")
    return _decent(text)


def _title(text: str) -> str:
    if text not in TITLES:
        raise ValueError(f"one of {', '.join(TITLES)} is wanted")
    return text


def _text(text: str) -> str:
    if not 1 <= len(text) <= TEXT_MAX:
        raise ValueError(f"1 to {TEXT_MAX} characters are wanted")
    if any(c in _MARKUP or unicodedata.category(c)[0] == "C" or c in "\u2028\u2029" for c in text):
        raise ValueError("plain text without markup or control characters is wanted")
    return _decent(text)


def _decent(text: str) -> str:
    if word := banned_in(text):
        raise ValueError(f"it holds the forbidden phrase {word}")
    return text


_CANONICAL = {
    "name": _name,
    "title": _title,
    "money": _money,
    "percent": _percent,
    "date": _date,
    "full_date": _date,
    "time": _time,
    "datetime": _datetime,
    "digits": _digits,
    "integer": _integer,
    "text": _text,
    "choice": _text,
}
TYPES = frozenset(_CANONICAL)
