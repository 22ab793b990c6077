"""Which days are traded on: asked when a callee says 收盘后, 下个交易日."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Protocol

_SATURDAY = 5


class TradingCalendar(Protocol):
    """The exchanges' calendar."""

    def is_trading_day(self, day: date) -> bool:
        """Whether Shanghai and Shenzhen trade on this day."""
        ...


class WeekendCalendar:
    """Monday to Friday. Public holidays are not known: a firm that has its exchange calendar passes its own."""

    def is_trading_day(self, day: date) -> bool:
        """Whether this is a weekday; the exchanges never trade on weekends, working ones included."""
        return day.weekday() < _SATURDAY


def trading_day_from(calendar: TradingCalendar, day: date) -> date:
    """The first trading day on or after `day`; `day` itself if the calendar knows none within a month."""
    for ahead in range(31):
        if calendar.is_trading_day(day + timedelta(days=ahead)):
            return day + timedelta(days=ahead)
    return day
