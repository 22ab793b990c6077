"""When a campaign will be through: its calls still to place, at its pace, through the hours in which it may call."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Final, Protocol

from voicebot.campaign import hours
from voicebot.campaign.book import Campaign
from voicebot.campaign.policy import Policy
from voicebot.campaign.progress import RECENT, Progress
from voicebot.campaign.terms import Holidays, Hours

# Nobody plans further ahead, and a walk has to end.
_HORIZON: Final = timedelta(days=400)


class OpenHours(Protocol):
    """The hours in which contacts of one zone may be called."""

    def next_opening(self, at: datetime) -> datetime | None:
        """The first open moment from `at` on, `at` itself if it is open; None where there is none."""

    def closes_at(self, at: datetime) -> datetime:
        """The end of the open hours that `at` lies in."""


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Hours of several zones: open while one of them is, for then somebody can be called."""

    parts: tuple[OpenHours, ...]

    def next_opening(self, at: datetime) -> datetime | None:
        """As `OpenHours` has it."""
        return min(_known(part.next_opening(at) for part in self.parts), default=None)

    def closes_at(self, at: datetime) -> datetime:
        """As `OpenHours` has it."""
        return max((part.closes_at(at) for part in self.parts if part.next_opening(at) == at), default=at)


@dataclass(frozen=True, slots=True)
class ZoneHours:
    """The hours of contacts that may lie in any of `zones`, all of which must be open."""

    zones: tuple[str, ...]
    opened: Hours
    holidays: Holidays

    def next_opening(self, at: datetime) -> datetime | None:
        """As `OpenHours` has it."""
        return hours.next_opening(at, self.zones, self.opened, self.holidays)

    def closes_at(self, at: datetime) -> datetime:
        """As `OpenHours` has it."""
        return hours.closes_at(at, self.zones, self.opened, self.holidays)


def hours_of(campaign: Campaign, policy: Policy) -> AnyOf:
    """The hours in which any of a campaign's contacts may be called."""
    limits = policy.limits(campaign.kind)
    opened, holidays = hours.windows(campaign.plan, limits), hours.on_holidays(campaign.plan, limits)
    return AnyOf(tuple(ZoneHours(tuple(zone.split(",")), opened, holidays) for zone in campaign.zones))


@dataclass(frozen=True, slots=True)
class Forecast:
    """`end`: when the last call will have been placed, None where that cannot be said; `why` not, or what to think of
    it ("" for nothing); `calls`: still to place, about; `per_minute`: the pace, in calls a minute of open hours.
    """

    end: datetime | None
    why: str
    calls: int = 0
    per_minute: float | None = None


def forecast(seen: Progress, opened: OpenHours, zone: tzinfo) -> Forecast:
    """When the campaign will be through if it goes on as it does. Pure; `seen.at` is now, `zone` that of its days."""
    campaign = seen.campaign
    if seen.over:
        return Forecast(campaign.ended_at, "")
    if campaign.state != "running":
        return Forecast(None, f"the campaign is {campaign.state}")
    left = _calls_left(seen)
    if left == 0:
        return Forecast(seen.at, "")
    pace = pace_of(seen, opened)
    if not pace:
        return Forecast(None, "no call has been placed yet", left)
    end = walk(seen.at, timedelta(minutes=left / pace), opened)
    if end is None:
        return Forecast(None, "the hours left do not suffice", left, pace)
    # Whoever is to be called at a certain time is not called before.
    end = max(end, seen.last_due) if seen.last_due else end
    last = campaign.plan.last_day
    beyond = last is not None and end.astimezone(zone).date() > last
    return Forecast(end, f"after its last day {last}: not all will be called" if beyond else "", left, pace)


def pace_of(seen: Progress, opened: OpenHours) -> float | None:
    """Calls a minute of open hours: lately, else since the start; None while none has been placed. Calls that were
    placed though the hours, as they are now, had none open: by the clock on the wall.
    """
    started = seen.campaign.started_at
    if started is None:
        return None
    lately = max(started, seen.at - RECENT)
    for dials, since in ((seen.recent_dials, lately), (seen.dials, started)):
        minutes = open_between(since, seen.at, opened).total_seconds() / 60
        if dials and minutes > 0:
            return dials / minutes
    return seen.overall_per_minute or None


def walk(start: datetime, needed: timedelta, opened: OpenHours) -> datetime | None:
    """The moment at which `needed` of open hours have passed since `start`; None beyond a year or so."""
    at = opened.next_opening(start)
    while at is not None and at - start < _HORIZON:
        closes = opened.closes_at(at)
        if closes <= at:
            return None
        if closes - at >= needed:
            return at + needed
        needed -= closes - at
        at = opened.next_opening(closes)
    return None


def open_between(start: datetime, end: datetime, opened: OpenHours) -> timedelta:
    """How much of the time from `start` to `end` was open."""
    total = timedelta(0)
    at = opened.next_opening(start)
    while at is not None and at < end:
        closes = opened.closes_at(at)
        if closes <= at:
            break
        total += min(closes, end) - at
        at = opened.next_opening(closes)
    return total


def _calls_left(seen: Progress) -> int:
    """Contacts not through × calls that one takes, as far as those that are through have shown it."""
    plan = seen.campaign.plan
    each = min(max(seen.dials / seen.settled, 1.0), plan.dials) if seen.settled else 1.0
    left = round(seen.remaining * each)
    return left if plan.budget is None else min(left, max(plan.budget - seen.dials, 0))


def _known(moments: Iterable[datetime | None]) -> list[datetime]:
    return [moment for moment in moments if moment is not None]
