"""Calling hours 拨打时段: when a number may ring, by the clock of every zone it may lie in.

Hours are minutes of the local day by weekday (`voicebot.campaign.terms.Hours`). A public holiday has none where
`holidays` is "skip"; on a make-up workday 调休上班日 Monday's hold, whatever the weekend's are. Instants are aware;
what is returned is in UTC. Zones are IANA names; one that does not exist raises `CampaignFault`, and no zone at all
is never open.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import reduce
from zoneinfo import ZoneInfo

from voicebot.campaign.fault import CampaignFault
from voicebot.campaign.plan import Plan
from voicebot.campaign.policy import Limits
from voicebot.campaign.terms import DAY, WEEKDAYS, Holidays, Hours, Window
from voicebot.campaign.workdays import holiday, make_up_workday

_Span = tuple[datetime, datetime]
_MINUTE = timedelta(minutes=1)


def windows(plan: Plan, limits: Limits) -> Hours:
    """The plan's hours as far as they lie within the policy's, which always hold."""
    if plan.hours is None:
        return limits.hours
    wanted = plan.hours
    return {day: _cut(wanted.get(day, ()), limits.hours.get(day, ())) for day in WEEKDAYS}


def on_holidays(plan: Plan, limits: Limits) -> Holidays:
    """Calls are placed on holidays only where the policy allows it and the plan does not say otherwise."""
    return "skip" if "skip" in (plan.holidays, limits.holidays) else "call"


def local(moment: datetime, zone: str) -> datetime:
    """An instant as the clock of a zone shows it. Raises `CampaignFault` where there is no such zone."""
    return moment.astimezone(_zone(zone))


def midnight(day: date, zone: str) -> datetime:
    """When a local day begins."""
    return datetime.combine(day, time(0), _zone(zone)).astimezone(UTC)


def open_at(now: datetime, zones: Iterable[str], hours: Hours, holidays: Holidays) -> bool:
    """Whether it is calling time in all zones at once."""
    clocks = [(zone, local(now, zone)) for zone in zones]
    return bool(clocks) and all(
        any(
            begin <= clock.hour * 60 + clock.minute < end for begin, end in _of_day(clock.date(), zone, hours, holidays)
        )
        for zone, clock in clocks
    )


def next_opening(
    now: datetime, zones: Iterable[str], hours: Hours, holidays: Holidays, horizon_days: int = 400
) -> datetime | None:
    """The first moment from `now` on at which all zones are open, `now` itself if they are; None if there is none
    within the horizon.
    """
    zones = tuple(zones)
    if open_at(now, zones, hours, holidays):
        return now.astimezone(UTC)
    last = now + timedelta(days=horizon_days)
    for begin, _ in _open_spans(now, last, zones, hours, holidays):
        return begin
    return None


def closes_at(
    now: datetime, zones: Iterable[str], hours: Hours, holidays: Holidays, horizon_days: int = 400
) -> datetime:
    """When the hours that are open at `now` end: `now` where they are not open, the horizon where they never end."""
    last = now + timedelta(days=horizon_days)
    for begin, end in _open_spans(now, last, zones, hours, holidays):
        return end if begin <= now else now.astimezone(UTC)
    return now.astimezone(UTC)


def open_time_between(
    start: datetime, end: datetime, zones: Iterable[str], hours: Hours, holidays: Holidays
) -> timedelta:
    """How long it is calling time in all zones between two instants."""
    spans = _open_spans(start, end, zones, hours, holidays)
    return sum((until - since for since, until in spans), timedelta(0))


def _of_day(day: date, zone: str, hours: Hours, holidays: Holidays) -> tuple[Window, ...]:
    """The windows of a local day."""
    if holidays == "skip" and holiday(day, zone):
        return ()
    weekday = "mon" if make_up_workday(day, zone) else WEEKDAYS[day.weekday()]
    return tuple(hours.get(weekday, ()))


def _cut(wanted: Iterable[Window], allowed: Iterable[Window]) -> tuple[Window, ...]:
    both = ((max(w[0], a[0]), min(w[1], a[1])) for w in wanted for a in allowed)
    return tuple(sorted((begin, end) for begin, end in both if begin < end))


# ------------------------------------------------------------ spans of UTC


def _open_spans(
    start: datetime, end: datetime, zones: Iterable[str], hours: Hours, holidays: Holidays
) -> Iterator[_Span]:
    """When all zones are open from `start` to `end`, in order, cut there, none touching the next."""
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    each = [_merged(_zone_spans(start, end, zone, hours, holidays)) for zone in zones]
    if not each:
        return
    for since, until in reduce(_common, each):
        since, until = max(since, start), min(until, end)
        if since < until:
            yield since, until


def _zone_spans(start: datetime, end: datetime, zone: str, hours: Hours, holidays: Holidays) -> Iterator[_Span]:
    """Those of one zone, whole, of all local days between the two instants."""
    day, last = local(start, zone).date(), local(end, zone).date()
    while day <= last:
        opened = _of_day(day, zone, hours, holidays)
        if opened:
            yield from _day_spans(day, zone, opened)
        day += timedelta(days=1)


def _day_spans(day: date, zone: str, opened: tuple[Window, ...]) -> Iterator[_Span]:
    begins, ends = midnight(day, zone), midnight(day + timedelta(days=1), zone)
    if ends - begins == timedelta(minutes=DAY):
        for since, until in _merged_windows(opened):
            yield begins + since * _MINUTE, begins + until * _MINUTE
        return
    # The clocks are changed that day, so an hour of it is missing or comes twice: ask the clock at each minute.
    moment = begins
    while moment < ends:
        clock = local(moment, zone)
        if any(since <= clock.hour * 60 + clock.minute < until for since, until in opened):
            yield moment, moment + _MINUTE
        moment += _MINUTE


def _merged_windows(opened: tuple[Window, ...]) -> list[Window]:
    whole: list[Window] = []
    for since, until in sorted(opened):
        if whole and since <= whole[-1][1]:
            whole[-1] = (whole[-1][0], max(until, whole[-1][1]))
        else:
            whole.append((since, until))
    return whole


def _merged(spans: Iterable[_Span]) -> Iterator[_Span]:
    """Spans in order, those that touch as one."""
    held: _Span | None = None
    for since, until in spans:
        if held is not None and since <= held[1]:
            held = (held[0], max(until, held[1]))
            continue
        if held is not None:
            yield held
        held = (since, until)
    if held is not None:
        yield held


def _common(first: Iterator[_Span], second: Iterator[_Span]) -> Iterator[_Span]:
    """What two rows of spans, each in order, have in common."""
    one, other = next(first, None), next(second, None)
    while one is not None and other is not None:
        since, until = max(one[0], other[0]), min(one[1], other[1])
        if since < until:
            yield since, until
        if one[1] <= other[1]:
            one = next(first, None)
        else:
            other = next(second, None)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # not there; no name of a file; the name of a folder
        raise CampaignFault(f"{name!r} is no time zone; write an IANA name such as Asia/Shanghai") from None
