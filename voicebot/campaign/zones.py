"""In which time zones a number may lie: what its calling hours are counted in."""

from __future__ import annotations

from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

import phonenumbers
from phonenumbers.timezone import UNKNOWN_TIMEZONE, time_zones_for_number

MAINLAND: Final = "Asia/Shanghai"
_MAINLAND_CODE: Final = "+86"
# A column of `contacts`; a number that may lie in more zones than fit here (toll-free ones of North America: 42) is
# awake in too few hours anyway.
_LONGEST: Final = 128


def zones_of(number: str, given: str, own: ZoneInfo) -> tuple[str, ...]:
    """IANA names of all zones that a canonical number may lie in. `given`: what the list says, which outranks all else;
    `own`: the firm's, for a SIP URI without a number in it. Raises `ValueError` saying what to write in the list.
    """
    if given:
        if given not in _known():
            raise ValueError("no such time zone; an IANA name is wanted, such as Asia/Shanghai")
        return (given,)
    if number.startswith(_MAINLAND_CODE):
        return (MAINLAND,)
    if not number.startswith("+"):
        return (own.key,)
    zones = time_zones_for_number(phonenumbers.parse(number))
    if zones == (UNKNOWN_TIMEZONE,):
        raise ValueError("nobody knows where this number is: name its time zone in the column zone 时区")
    if len(",".join(zones)) > _LONGEST:
        raise ValueError(f"this number may be in {len(zones)} time zones: name its own in the column zone 时区")
    return tuple(zones)


@cache
def _known() -> frozenset[str]:
    return frozenset(available_timezones())
