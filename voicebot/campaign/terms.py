"""Types that plan and policy share."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Kind = Literal["service", "marketing"]
Holidays = Literal["skip", "call"]
Unknown = Literal["ask", "close", "redial"]

_TIME: Final = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])")
_SPAN: Final = re.compile(r"([0-9]+)(s|min|h|d)")
_UNITS: Final = {"s": "seconds", "min": "minutes", "h": "hours", "d": "days"}
DAY: Final = 24 * 60


class Part(BaseModel):
    """A block of YAML: frozen, and a key it does not know is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def minutes(text: str) -> int:
    """Minutes of the day of "HH:MM", 24:00 included. Raises `ValueError`."""
    given = _TIME.fullmatch(text)
    if given is None or (given[1] == "24" and given[2] != "00"):
        raise ValueError(f"{text!r} is no time of day; write HH:MM, such as 09:00")
    return int(given[1]) * 60 + int(given[2])


def _window(value: Any) -> Any:
    if isinstance(value, str):
        begin, dash, end = value.partition("-")
        if not dash:
            raise ValueError(f"{value!r} is no span of the day; write HH:MM-HH:MM, such as 09:00-21:00")
        begin_at, end_at = minutes(begin.strip()), minutes(end.strip())
        if begin_at >= end_at:
            raise ValueError(f"{value!r} ends before it begins")
        return (begin_at, end_at)
    return value


def _span(value: Any) -> Any:
    if isinstance(value, str):
        given = _SPAN.fullmatch(value.strip())
        if given is None:
            raise ValueError(f"{value!r} is no span of time; write 30s, 30min, 2h or 1d")
        return timedelta(**{_UNITS[given[2]]: int(given[1])})
    return value


# Minutes of the day, the end exclusive: "09:00-21:00" is (540, 1260).
Window = Annotated[tuple[int, int], BeforeValidator(_window)]
# "30s", "30min", "2h", "1d".
Span = Annotated[timedelta, BeforeValidator(_span)]


def shown_window(window: tuple[int, int]) -> str:
    """The window as it is written: "09:00-21:00"."""
    return "-".join(f"{at // 60:02}:{at % 60:02}" for at in window)


def shown_span(span: timedelta) -> str:
    """The span as it is written, in the largest unit that it fills: "30min", "2h", "1d"."""
    total = int(span.total_seconds())
    for unit, size in (("d", DAY * 60), ("h", 3600), ("min", 60)):
        if total and total % size == 0:
            return f"{total // size}{unit}"
    return f"{total}s" if total else "0min"


Hours = Mapping[str, tuple[Window, ...]]
"""Windows by weekday name; `{"mon": …}`. A day that is not there has no hours."""
