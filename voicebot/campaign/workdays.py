"""Public holidays 法定节假日 and make-up workdays 调休上班日 where a number lies, by the library `holidays`.

Mainland China, Hong Kong, Macau and Taiwan have their own; everywhere else only the hours of the weekday hold. The
library knows a year's arrangement (放假调休) once the State Council has announced it, in November or so of the year
before, and an update of the library brings it. Until then a year has the holidays that the law fixes, as long as they
usually are made (rather a day too many than a call on one), and no make-up workday: `arranged` tells which years are
complete.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from functools import cache, lru_cache
from typing import Final

from holidays import country_holidays

_COUNTRIES: Final = {
    "CN": ("Asia/Shanghai", "Asia/Urumqi", "Asia/Chongqing", "Asia/Chungking", "Asia/Harbin", "Asia/Kashgar", "PRC"),
    "HK": ("Asia/Hong_Kong", "Hongkong"),
    "MO": ("Asia/Macau", "Asia/Macao"),
    "TW": ("Asia/Taipei", "ROC"),
}
_COUNTRY_OF: Final = {zone: country for country, zones in _COUNTRIES.items() for zone in zones}
# How long the announcement of 2024-11-12 makes a holiday from its first day on, unless a year's own says otherwise.
_USUALLY: Final = {"农历除夕": 8, "劳动节": 5, "国庆节": 7}
_SATURDAY: Final = 5
_DAY: Final = timedelta(days=1)


@lru_cache(maxsize=4096)
def holiday(day: date, zone: str = "Asia/Shanghai") -> str:
    """The Chinese name of the public holiday in an IANA zone, "" on any other day. A weekend that touches a holiday
    belongs to it unless it is worked: the library leaves out the weekends within 春节 and 国庆节.
    """
    country = _COUNTRY_OF.get(zone)
    if country is None:
        return ""
    if name := _named(country, day):
        return name
    if country != "CN" or not _free_weekend(country, day):
        return ""
    for step in (-_DAY, _DAY):
        near = day + step
        while _free_weekend(country, near) and not _named(country, near):
            near += step
        if name := _named(country, near):
            return name
    return ""


def make_up_workday(day: date, zone: str = "Asia/Shanghai") -> bool:
    """Whether a day of a weekend is worked there in exchange for a holiday."""
    country = _COUNTRY_OF.get(zone)
    return country is not None and day in _year(country, day.year)[1]


def arranged(year: int) -> bool:
    """Whether the library has the arrangement that was announced for mainland China; it always has make-up days."""
    return bool(_year("CN", year)[1])


def _free_weekend(country: str, day: date) -> bool:
    return day.weekday() >= _SATURDAY and day not in _year(country, day.year)[1]


def _named(country: str, day: date) -> str:
    return _year(country, day.year)[0].get(day, "")


@cache
def _year(country: str, year: int) -> tuple[Mapping[date, str], frozenset[date]]:
    """The holidays of a year and its make-up workdays."""
    known = country_holidays(country, years=year, language=f"zh_{country}")
    named = dict(known.items())
    worked = frozenset(day for day in known.weekend_workdays if day.year == year)
    if country == "CN" and not worked:
        for name, length in _USUALLY.items():
            begun = sorted(day for day, given in named.items() if name in given)[:1]
            for day in (first + n * _DAY for first in begun for n in range(length)):
                named.setdefault(day, name)
    return named, worked
