"""When: 下午三点, 三点半, 明儿上午, 下礼拜一, 过俩小时, 收盘后, 十一月二十五号, counted from an injected `now`.

The grammar reads a plain view's text (no blanks, no punctuation but line feeds). All results are in China's one zone.
A value is what was said; whether that hour may be dialled is for the compliance gate to decide.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta, timezone

from voicebot.nlu.calendar import TradingCalendar, trading_day_from
from voicebot.nlu.slots.numerals import NUMERAL, integer, number

CHINA = timezone(timedelta(hours=8))
# An hour said without 上午/下午 is the next one in here (the default calling hours of docs/domain.md §3).
_FIRST_HOUR, _LAST_HOUR = 9, 21
# 一会儿, 晚点, 回头: retries are at least this far apart (docs/domain.md §3).
VAGUE_LATER = timedelta(minutes=30)
# Before 三点: early enough to be before it.
_AHEAD = timedelta(minutes=30)
# The Shanghai and Shenzhen exchanges' continuous trading starts and ends.
_OPEN, _CLOSE = time(9, 30), time(15, 0)
# The point of a part of the day, and its [start, end) hours.
_PARTS: dict[str, tuple[time, int, int]] = {
    "凌晨": (time(5, 0), 0, 6),
    "早上": (time(9, 0), 6, 10),
    "上午": (time(10, 0), 9, 12),
    "中午": (time(12, 0), 11, 14),
    "下午": (time(14, 0), 13, 18),
    "傍晚": (time(18, 0), 17, 19),
    "晚上": (time(19, 0), 18, 23),
}
_PART_NAMES = {
    "凌晨": "凌晨|半夜|后半夜", "早上": "早上|早晨|清早|清晨|大清早|一早|一大早|大早上|早",
    "上午": "上午|头午|头晌|晌前|午前",
    "中午": "中午|晌午|正午|午休|午间|大中午|午饭时间|饭点",
    "下午": "下午|午后|后晌|过晌|晌后", "傍晚": "傍晚|黄昏|天黑",
    "晚上": "晚上|夜里|夜晚|晚间|大晚上|晚",
}  # fmt: skip
_PART_OF = {name: part for part, names in _PART_NAMES.items() for name in names.split("|")}
_LONG_PARTS = "|".join(sorted((name for name in _PART_OF if len(name) > 1), key=len, reverse=True))
_DAYS = {
    "今天": 0, "今儿": 0, "今日": 0, "今儿个": 0, "当天": 0, "今": 0,
    "明天": 1, "明儿": 1, "明日": 1, "明儿个": 1, "明": 1,
    "后天": 2, "后儿": 2, "大后天": 3, "大后儿": 3, "昨天": -1, "昨儿": -1, "昨日": -1, "昨": -1,
    "前天": -2, "前儿": -2,
    "大前天": -3, "隔天": 1, "第二天": 1, "改天": 1, "改日": 1,
}  # fmt: skip
_LONG_DAYS = "|".join(sorted((name for name in _DAYS if len(name) > 1), key=len, reverse=True))
_WEEKDAYS = {
    char: place for place, chars in enumerate(("一1", "二2", "三3", "四4", "五5", "六6末", "日天7")) for char in chars
}

_DAY = (
    rf"(?P<day>{_LONG_DAYS}|[今明昨](?=早|晚))"
    r"|(?P<week>下下个?|下个?|这个?|本|上上个?|上个?)?(?:周|星期|礼拜)(?P<weekday>[一二三四五六日天末1-7])(?![0-9个多])"
    r"|(?P<bare_week>下下个?|下个?)(?:周|星期|礼拜)"
    rf"|(?:(?P<year>今年|明年|去年)?(?P<month>{NUMERAL}{{1,3}})月份?|(?P<this_month>这个?月|本月|下个?月|上个?月))?"
    rf"(?P<month_day>{NUMERAL}{{1,4}})[号日](?!线)"
    r"|(?P<month_edge>这个?|本|下个?)?(?P<edge>月底|月末|月初)"
    r"|(?P<next_month>下个月)"
    r"|(?P<trading_day>下个?|下一个?)交易日"
)
_CLOCK = (
    r"(?<![零一二两三四五六七八九十百千万0-9第分])(?P<hour>(?:二十[一二三四]?|十[一二三四五六七八九]?|[零一二两三四五六七八九]|[0-9]{1,2}))"
    r"(?P<second_hour>(?<!二十)[二两三四五六七八九])?点(?:钟|整)?"
    rf"(?:(?P<half>半)|过?(?P<quarter>[一三])刻|过?(?P<minute>{NUMERAL}{{1,3}})分?(?![0-9万千百个天次块]))?(?P<odd>多)?"
    r"|(?P<digital>[0-2]?[0-9])\n(?P<digital_minute>[0-5][0-9])(?![0-9])"
)
_LIMIT = r"(?P<limit>以后|之后|过后|往后|后|以前|之前|前|左右)?"
_POINT = re.compile(
    rf"(?:(?:{_DAY})的?)?(?:(?P<part>(?:{_LONG_PARTS})(?!好)|(?<=[今明昨后天儿])[早晚](?!点))的?)?(?:{_CLOCK})?{_LIMIT}"
)
_LENGTH = (
    r"(?P<halves>半)个?(?P<half_unit>小时|钟头|天|月|年)"
    rf"|(?P<count>{NUMERAL}{{1,6}})(?:来|多)?个?(?P<and_half>半)?(?P<unit>小时|钟头|分钟|刻钟|天|星期|礼拜|周|月|秒)(?P<half_more>半)?"
)
_AFTER = re.compile(
    rf"(?P<before>再过|过|等|再等|隔)?(?:上|个|大概|差不多|那么)*(?:{_LENGTH})(?:左右|吧)?(?P<after>以后|之后|过后|后|再)?"
)
_EVENT = re.compile(
    r"(?P<event_day>今天|今儿|明天|明儿|后天|下周[一二三四五])?"
    r"(?P<event>收盘|收市|闭市|收了盘|开盘|开市|下班|下了班|上班|午饭|吃完午饭|吃完晚饭|吃完饭|吃过饭|吃了饭|晚饭)"
    r"(?P<side>以后|之后|过后|完|后|了|以前|之前|前|(?=再))?"
)
_LATER = re.compile(
    r"(?:过|待)(?:一?会儿?|一?下儿?)|等(?:一?会儿?|一?下儿?)(?=再|打|联系|给|说|我|就|看|处理|弄|办|回|还|补|转)"
    r"|一会儿?(?!议)|回头|晚一?点儿?(?![钟半])|晚些(?:时候)?|迟点|稍后|稍晚|过后"
)
_REFUSED = re.compile(
    r"(?:的时候|时候|时间|点儿?|都|也|就|可|你们?|您|我|是|吧|这个?点|这段时间|一般|那会儿?|千万)*"
    r"(?:别|不要|不用|甭|勿|莫|不能|不方便|没空|没时间|不行|不可以|不在|不接|接不了|要开会|得开会|有会|有事|忙|要休息|睡觉|在休息|午睡)"
)
_REFUSED_BEFORE = re.compile(r"(?:别|不要|甭|勿|莫)(?:老|总|再|在|赶|挑|大|给我|选|这个)*$")


@dataclass(frozen=True, slots=True)
class Moment:
    """A time said at [start, end) of the view.

    `at`: the moment, in China's zone; `whole_day`: only the day was said (then 00:00); `first` and `until`: the
    stretch, where the words name one (上午, 中午); `refused`: it is when *not* to call.
    """

    start: int
    end: int
    at: datetime
    whole_day: bool = False
    first: datetime | None = None
    until: datetime | None = None
    refused: bool = False


class _Impossible(ValueError):
    """Words of a time that name none: 二月三十号, 三十点."""


def _china(now: datetime) -> datetime:
    return now.astimezone(CHINA) if now.tzinfo else now.replace(tzinfo=CHINA)


def _on(day: date, at: time) -> datetime:
    return datetime.combine(day, at, CHINA)


def _next_month(day: date, ahead: int = 1) -> date:
    years, month = divmod(day.month - 1 + ahead, 12)
    return date(day.year + years, month + 1, 1)


def _need(value: int | None) -> int:
    if value is None:
        raise _Impossible
    return value


def _said_day(found: re.Match[str], today: date, calendar: TradingCalendar) -> date | None:
    """The day said, None if none was."""
    said = found.groupdict()
    if said["day"]:
        return today + timedelta(days=_DAYS[said["day"]])
    if said["weekday"]:
        monday = today - timedelta(days=today.weekday())
        day = monday + timedelta(days=_WEEKDAYS[said["weekday"]])
        week = (said["week"] or "").replace("个", "")
        if week in {"下", "下下", "上", "上上"}:
            return day + timedelta(weeks=len(week) * (1 if week[0] == "下" else -1))
        return day if day >= today or week else day + timedelta(weeks=1)
    if said["bare_week"]:
        weeks = said["bare_week"].count("下")
        return trading_day_from(calendar, today + timedelta(days=7 * weeks - today.weekday()))
    if said["month_day"]:
        return _calendar_day(said, today)
    if said["edge"]:
        first = _next_month(today) if (said["month_edge"] or "").startswith("下") else today.replace(day=1)
        if said["edge"].endswith("初"):
            return first if first >= today else _next_month(today)
        return _next_month(first) - timedelta(days=1)
    if said["next_month"]:
        return _next_month(today)
    if said["trading_day"]:
        return trading_day_from(calendar, today + timedelta(days=1))
    return None


def _calendar_day(said: dict[str, str | None], today: date) -> date:
    """十一月二十五号, 二十五号, 下个月三号: the next such day unless the words say otherwise."""
    number_of_day = _need(integer(said["month_day"] or ""))
    if said["month"]:
        month = _need(integer(said["month"]))
        year = today.year + {"今年": 0, "明年": 1, "去年": -1}.get(said["year"] or "", 0)
        day = date(year, month, number_of_day)
        # Long past and no year said: next year's. Nearly past: the one that was (昨天 said as a date).
        if not said["year"] and (today - day).days > 180:
            day = date(year + 1, month, number_of_day)
        return day
    if said["this_month"]:
        ahead = {"下": 1, "上": -1}.get(said["this_month"][0], 0)
        return _next_month(today, ahead).replace(day=number_of_day)
    for ahead in range(13):  # 31号 in a month that has none is the next month's that has
        first = _next_month(today, ahead)
        last = (_next_month(first) - timedelta(days=1)).day
        if number_of_day <= last and first.replace(day=number_of_day) >= today:
            return first.replace(day=number_of_day)
    raise _Impossible


def _clock(found: re.Match[str]) -> tuple[int, int] | None:
    """(hour, minute) as said, None if none was."""
    said = found.groupdict()
    if said["digital"]:
        return int(said["digital"]), int(said["digital_minute"])
    if not said["hour"]:
        return None
    hour = _need(integer(said["hour"]))
    minute = 30 if said["half"] else 15 * _need(integer(said["quarter"])) if said["quarter"] else 0
    if said["minute"]:
        minute = _need(integer(said["minute"]))
    if hour > 24 or minute > 59:
        raise _Impossible
    return hour % 24, minute


def _point(found: re.Match[str], now: datetime, calendar: TradingCalendar) -> Moment | None:
    """The moment that day, part of the day and clock name together; None if they name none."""
    start, end = found.span()
    day = _said_day(found, now.date(), calendar)
    part = _PART_OF[found["part"]] if found["part"] else None
    clock = _clock(found)
    if day is None and part is None and clock is None:
        return None
    first: datetime | None = None
    until: datetime | None = None
    if clock is not None:
        at = _at_clock(day, part, clock, now)
    elif part is not None:
        point, first_hour, last_hour = _PARTS[part]
        midnight = _on(day or now.date(), time(0))
        if day is None and midnight + timedelta(hours=last_hour) <= now:
            midnight += timedelta(days=1)
        first, until = midnight + timedelta(hours=first_hour), midnight + timedelta(hours=last_hour)
        at = datetime.combine(midnight, point, CHINA)
        if at <= now < until:
            at = min(now.replace(second=0, microsecond=0) + VAGUE_LATER, until)
        if found["limit"] in {"以后", "之后", "过后", "往后", "后"}:
            at = until
    else:
        return Moment(start, end, _on(day or now.date(), time(0)), whole_day=True)
    if found["limit"] in {"以前", "之前", "前"}:
        at = at - _AHEAD if at - _AHEAD > now else at
    return Moment(start, end, at, first=first, until=until)


def _at_clock(day: date | None, part: str | None, clock: tuple[int, int], now: datetime) -> datetime:
    """A clock time said, with the half of the day it must mean."""
    hour, minute = clock
    base = day or now.date()
    if part in {"下午", "傍晚", "晚上"}:
        if hour < 12:
            hour += 12
        elif hour == 12 and part != "下午":
            hour, base = 0, base + timedelta(days=1)
    elif part == "中午":
        hour += 12 if hour < 4 else 0
    elif part is None and 0 < hour <= 12:
        hours = [candidate for candidate in (hour, hour % 12 + 12) if _FIRST_HOUR <= candidate < _LAST_HOUR] or [hour]
        if day is None or day == now.date():
            later = [candidate for candidate in hours if _on(base, time(candidate, minute)) > now]
            if not later and day is None:
                base += timedelta(days=1)
            hour = (later or hours)[0]
        else:
            hour = hours[0]
        return _on(base, time(hour, minute))
    at = _on(base, time(hour, minute))
    return at + timedelta(days=1) if day is None and at <= now else at


def _after(found: re.Match[str], now: datetime, *, alone: bool) -> Moment | None:
    """过俩小时, 半个小时以后; a length of time that nothing makes a moment counts only `alone`."""
    if not (found["before"] or found["after"] or alone):
        return None
    unit = found["half_unit"] or found["unit"]
    if not found["before"] and not found["after"] and unit in {"月", "年", "周", "星期", "礼拜"}:
        return None
    seconds = {"小时": 3600, "钟头": 3600, "分钟": 60, "刻钟": 900, "秒": 1, "天": 86400, "年": 365 * 86400}
    seconds |= {"星期": 7 * 86400, "礼拜": 7 * 86400, "周": 7 * 86400, "月": 30 * 86400, "个月": 30 * 86400}
    if found["halves"]:
        count = 0.5
    else:
        said = number(found["count"])
        if said is None:
            raise _Impossible
        count = float(said.low) + (0.5 if found["and_half"] or found["half_more"] else 0.0)
    length = timedelta(seconds=count * seconds[unit])
    if length > timedelta(days=366):
        raise _Impossible
    at = now + length
    if length >= timedelta(days=1):
        return Moment(*found.span(), _on(at.date(), time(0)), whole_day=True)
    return Moment(*found.span(), at.replace(second=0, microsecond=0))


def _event(found: re.Match[str], now: datetime, calendar: TradingCalendar) -> Moment | None:
    """收盘后 and the like. Without a side (以后, 再 …) only the exchange's own hours are meant as a time."""
    event, side = found["event"], found["side"] or ""
    before = side in {"以前", "之前", "前"}
    if event in {"收盘", "收市", "闭市", "收了盘", "开盘", "开市"}:
        at = _CLOSE if event[0] in "收闭" else _OPEN
        trading = True
    elif not side and not found.string.startswith("再", found.end()):
        return None
    else:
        trading = False
        at = {"下": time(18, 0), "上": time(9, 0), "晚": time(19, 0)}.get(event[0], time(13, 0))
        if event == "吃完晚饭":
            at = time(19, 0)
    today = now.date()
    said = found["event_day"]
    if said and said.startswith("下周"):
        day = today + timedelta(days=7 - today.weekday() + _WEEKDAYS[said[2]])
    else:
        day = today + timedelta(days=_DAYS[said] if said else 0)
    if not said and _on(day, at) <= now:
        day += timedelta(days=1)
    if trading:
        day = trading_day_from(calendar, day)
    moment = _on(day, at)
    if before and moment - _AHEAD > now:
        moment -= _AHEAD
    return Moment(*found.span(), moment)


def _candidates(text: str, now: datetime, calendar: TradingCalendar) -> Iterator[Moment]:
    for found in _EVENT.finditer(text):
        try:
            moment = _event(found, now, calendar)
        except (ValueError, OverflowError):
            continue
        if moment:
            yield moment
    for found in _AFTER.finditer(text):
        try:
            moment = _after(found, now, alone=found[0] == text.strip("\n吧啊呢就那嗯"))
        except (ValueError, OverflowError):
            continue
        if moment:
            yield moment
    for found in _POINT.finditer(text):
        if found.end() == found.start() or _is_no_time(text, found):
            continue
        try:
            moment = _point(found, now, calendar)
        except (ValueError, OverflowError):
            continue
        if moment:
            yield moment
    for found in _LATER.finditer(text):
        yield Moment(*found.span(), (now + VAGUE_LATER).replace(second=0, microsecond=0))


def _is_no_time(text: str, found: re.Match[str]) -> bool:
    """一点 is a little more often than an hour, 早 and 晚 more often early and late than parts of the day."""
    if found["hour"] and not found["part"] and not _any_day(found):
        before, after = text[: found.start()], text[found.end() :]
        bare = found[0] in {"一点", "两点", "几点", "1点", "2点"}
        if bare and found["hour"] in {"一", "1"}:
            return not after.startswith(("钟", "再", "打", "给我", "吧", "你")) or before.endswith(
                (
                    "等",
                    "快",
                    "慢",
                    "声",
                    "早",
                    "晚",
                    "有",
                    "大",
                    "小",
                    "多",
                    "少",
                    "便宜",
                    "高",
                    "低",
                    "简单",
                    "差",
                    "补",
                    "还",
                    "转",
                )
            )
        if before.endswith(("百分之", "第", "说", "这", "那")) or after.startswith(
            ("意见", "问题", "要求", "建议", "个", "点")
        ):
            return True
    return False


def _any_day(found: re.Match[str]) -> bool:
    return any(
        found[name] for name in ("day", "weekday", "bare_week", "month_day", "edge", "next_month", "trading_day")
    )


def moments(text: str, now: datetime, calendar: TradingCalendar) -> list[Moment]:
    """Every time said in a plain view's text, in order, without overlaps (the longer reading wins). Never raises."""
    now = _china(now)
    chosen: list[Moment] = []
    for moment in sorted(
        _candidates(text, now, calendar), key=lambda moment: (moment.start - moment.end, moment.start)
    ):
        if all(moment.end <= other.start or moment.start >= other.end for other in chosen):
            after, before = text[moment.end :], text[: moment.start]
            refused = bool(_REFUSED.match(after) or _REFUSED_BEFORE.search(before))
            chosen.append(replace(moment, refused=refused))
    return sorted(chosen, key=lambda moment: moment.start)
