"""Calling hours in one zone and in several, over holidays, make-up workdays and changes of the clock."""

from datetime import UTC, date, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from voicebot.campaign.fault import CampaignFault
from voicebot.campaign.hours import (
    closes_at,
    local,
    midnight,
    next_opening,
    on_holidays,
    open_at,
    open_time_between,
    windows,
)
from voicebot.campaign.plan import Plan
from voicebot.campaign.policy import read_policy
from voicebot.campaign.terms import DAY, WEEKDAYS

MINUTE = timedelta(minutes=1)
SHANGHAI = ("Asia/Shanghai",)
SERVICE, MARKETING = read_policy().service, read_policy().marketing
ALWAYS = dict.fromkeys(WEEKDAYS, ((0, DAY),))


def at(text, zone="Asia/Shanghai"):
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        ("2026-11-25 08:59", "2026-11-25 09:00"),
        ("2026-11-25 09:00", "2026-11-25 09:00"),
        ("2026-11-25 19:59", "2026-11-25 19:59"),
        ("2026-11-25 20:00", "2026-11-26 09:00"),
        ("2026-11-27 20:00", "2026-11-30 09:00"),  # no weekend in the hours
        ("2026-09-30 20:00", "2026-10-08 09:00"),  # 国庆节
        ("2026-10-09 20:00", "2026-10-10 09:00"),  # a Saturday that is worked has Monday's hours
        ("2026-02-13 20:00", "2026-02-14 09:00"),  # before 春节 too
        ("2026-02-14 20:00", "2026-02-24 09:00"),
    ],
)
def test_marketing_hours_in_china(now, opens):
    assert next_opening(at(now), SHANGHAI, MARKETING.hours, "skip") == at(opens)
    assert open_at(at(now), SHANGHAI, MARKETING.hours, "skip") is (now == opens)


def test_holidays_do_not_count_where_they_need_not():
    assert open_at(at("2026-10-05 10:00"), SHANGHAI, MARKETING.hours, "call")
    assert not open_at(at("2026-10-05 10:00"), SHANGHAI, MARKETING.hours, "skip")
    # A weekend within 国庆节 is free although the service hours have Sundays.
    assert not open_at(at("2026-10-04 10:00"), SHANGHAI, SERVICE.hours, "skip")
    assert open_at(at("2026-10-18 10:00"), SHANGHAI, SERVICE.hours, "skip")


def test_a_number_that_may_lie_in_two_zones_rings_only_where_both_are_open():
    zones = ("Asia/Shanghai", "Europe/London")
    now = at("2026-11-25 12:00")
    assert not open_at(now, zones, SERVICE.hours, "skip")
    assert next_opening(now, zones, SERVICE.hours, "skip") == at("2026-11-25 09:00", "Europe/London")
    assert closes_at(at("2026-11-25 18:00"), zones, SERVICE.hours, "skip") == at("2026-11-25 21:00")
    far = ("Asia/Shanghai", "America/Halifax")  # twelve hours apart in winter: one's evening is the other's morning
    assert next_opening(now, far, SERVICE.hours, "skip", horizon_days=60) is None


def test_hours_that_never_end_and_hours_that_never_begin():
    now = at("2026-11-25 12:00")
    assert closes_at(now, SHANGHAI, ALWAYS, "call", horizon_days=10) == now + timedelta(days=10)
    assert next_opening(now, SHANGHAI, {}, "call") is None
    assert closes_at(now, SHANGHAI, {}, "call") == now
    assert not open_at(now, (), ALWAYS, "call")
    assert next_opening(now, (), ALWAYS, "call") is None
    assert closes_at(now, (), ALWAYS, "call") == now
    assert open_time_between(now, now + timedelta(days=1), (), ALWAYS, "call") == timedelta(0)


def test_a_night_that_runs_over_midnight_is_one_span():
    hours = {"wed": ((1200, DAY),), "thu": ((0, 120),)}
    assert closes_at(at("2026-11-25 22:00"), SHANGHAI, hours, "skip") == at("2026-11-26 02:00")
    assert closes_at(at("2026-11-25 19:00"), SHANGHAI, hours, "skip") == at("2026-11-25 19:00")


def test_the_time_that_a_campaign_has():
    between = partial(open_time_between, zones=SHANGHAI, hours=MARKETING.hours, holidays="skip")
    assert between(at("2026-11-23 00:00"), at("2026-11-30 00:00")) == timedelta(hours=55)
    assert between(at("2026-11-25 19:00"), at("2026-11-26 10:00")) == timedelta(hours=2)
    assert between(at("2026-10-01 00:00"), at("2026-10-08 00:00")) == timedelta(0)
    assert between(at("2026-11-25 12:00"), at("2026-11-25 11:00")) == timedelta(0)


@pytest.mark.parametrize("zone", ["", "Asia", "Asia/Nowhere", "../etc/passwd", "北京"])
def test_a_zone_that_there_is_not(zone):
    for ask in (open_at, next_opening):
        with pytest.raises(CampaignFault, match="is no time zone; write an IANA name"):
            ask(at("2026-11-25 12:00"), (zone,), SERVICE.hours, "skip")


@pytest.mark.parametrize(
    ("wanted", "left"),
    [
        (None, ["09:00-20:00"]),
        ({"mon": ["10:00-12:00", "14:00-22:00"]}, ["10:00-12:00", "14:00-20:00"]),
        ({"mon": ["00:00-24:00"]}, ["09:00-20:00"]),
        ({"mon": ["20:00-21:00"]}, []),
        ({"tue": ["10:00-12:00"]}, []),
    ],
)
def test_a_plan_gets_no_hours_beyond_the_policy(wanted, left):
    hours = windows(Plan(hours=wanted), MARKETING)
    assert Plan(hours={"mon": hours.get("mon", ())}).as_json()["hours"]["mon"] == left
    assert not hours.get("sat")


@pytest.mark.parametrize(("plan", "policy"), [(None, "skip"), ("call", "skip"), ("skip", "call"), ("skip", "skip")])
def test_holidays_are_skipped_where_one_of_both_says_so(plan, policy):
    assert on_holidays(Plan(holidays=plan), MARKETING.model_copy(update={"holidays": policy})) == "skip"
    assert on_holidays(Plan(holidays=None), MARKETING.model_copy(update={"holidays": "call"})) == "call"


# ------------------------------------------------------------ whatever the clocks do

# Clocks change at 2, 1 and 0 o'clock, by an hour and by half of one, forward over midnight and back over it.
ZONES = [
    "Asia/Shanghai", "Europe/Berlin", "Europe/London", "America/New_York", "America/Havana", "America/Santiago",
    "Africa/Cairo", "Asia/Beirut", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia", "Africa/Casablanca",
]  # fmt: skip
MINUTES = st.integers(0, DAY)
WINDOW = st.tuples(MINUTES, MINUTES).filter(lambda window: window[0] < window[1])
HOURS = st.dictionaries(st.sampled_from(WEEKDAYS), st.lists(WINDOW, min_size=1, max_size=3).map(tuple), max_size=7)
SOME = st.lists(st.sampled_from(ZONES), min_size=1, max_size=2, unique=True).map(tuple)
RULE = st.sampled_from(["skip", "call"])


@st.composite
def moments(draw):
    """Any minute of some years, half of them on a day on which the clocks of some zone change."""
    day = draw(st.one_of(st.dates(date(2024, 1, 1), date(2027, 12, 31)), st.sampled_from(CHANGES)))
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + draw(st.integers(0, DAY - 1)) * MINUTE


def _changes():
    day = date(2024, 1, 1)
    while day < date(2027, 12, 31):
        if any(midnight(day + timedelta(1), zone) - midnight(day, zone) != timedelta(1) for zone in ZONES):
            yield day
        day += timedelta(1)


CHANGES = list(_changes())


@given(moments(), SOME, HOURS, RULE)
@example(datetime(2026, 3, 29, 0, 0, tzinfo=UTC), ("Europe/Berlin",), {"sun": ((130, 140),)}, "call")  # left out
@example(datetime(2026, 10, 25, 0, 0, tzinfo=UTC), ("Europe/Berlin",), {"sun": ((130, 140),)}, "call")  # comes twice
@example(datetime(2026, 10, 25, 0, 0, tzinfo=UTC), ("Europe/Berlin",), {"sun": ((0, 60),)}, "call")  # and ends
def test_every_minute_agrees_with_the_clock(now, zones, hours, rule):
    """For a day and a half: what is open by the clock is what the spans say, and openings and ends are theirs."""
    minutes = [now + n * MINUTE for n in range(36 * 60)]
    opened = [open_at(minute, zones, hours, rule) for minute in minutes]
    end = minutes[-1] + MINUTE
    assert open_time_between(now, end, zones, hours, rule) == sum(opened) * MINUTE
    opening = next_opening(now, zones, hours, rule)
    if any(opened):
        assert opening == minutes[opened.index(True)]
    else:
        assert opening is None or opening >= end
    closing = closes_at(now, zones, hours, rule)
    if False in opened:
        assert closing == minutes[opened.index(False)]
    else:
        assert closing >= end


@given(moments(), SOME, HOURS, RULE)
def test_the_next_opening_is_open_and_the_minute_before_is_not(now, zones, hours, rule):
    opening = next_opening(now, zones, hours, rule)
    assume(opening is not None)
    assert open_at(opening, zones, hours, rule)
    if opening > now:
        assert not open_at(opening - MINUTE, zones, hours, rule)
        assert open_time_between(now, opening, zones, hours, rule) == timedelta(0)
    assert all(local(opening, zone) == opening for zone in zones)
