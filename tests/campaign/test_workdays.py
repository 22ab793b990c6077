"""The arrangement that the State Council announced for 2025 and 2026, day by day, and what holds without one."""

from datetime import date, timedelta

import pytest

from voicebot.campaign.workdays import arranged, holiday, make_up_workday


def days(first, last):
    begin, end = date.fromisoformat(first), date.fromisoformat(last)
    return [begin + timedelta(days=n) for n in range((end - begin).days + 1)]


# 国办发明电〔2024〕12号 and 〔2025〕7号: from when to when each holiday lasts, weekends in it included.
ANNOUNCED = {
    2025: [
        ("2025-01-01", "2025-01-01"),
        ("2025-01-28", "2025-02-04"),
        ("2025-04-04", "2025-04-06"),
        ("2025-05-01", "2025-05-05"),
        ("2025-05-31", "2025-06-02"),
        ("2025-10-01", "2025-10-08"),
    ],
    2026: [
        ("2026-01-01", "2026-01-03"),
        ("2026-02-15", "2026-02-23"),
        ("2026-04-04", "2026-04-06"),
        ("2026-05-01", "2026-05-05"),
        ("2026-06-19", "2026-06-21"),
        ("2026-09-25", "2026-09-27"),
        ("2026-10-01", "2026-10-07"),
    ],
}
WORKED = {
    2025: ["2025-01-26", "2025-02-08", "2025-04-27", "2025-09-28", "2025-10-11"],
    2026: ["2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09", "2026-09-20", "2026-10-10"],
}


@pytest.mark.parametrize("year", [2025, 2026])
def test_a_year_as_it_was_announced(year):
    year_round = days(f"{year}-01-01", f"{year}-12-31")
    assert [day for day in year_round if holiday(day)] == [
        day for first, last in ANNOUNCED[year] for day in days(first, last)
    ]
    assert [day.isoformat() for day in year_round if make_up_workday(day)] == WORKED[year]
    assert arranged(year)


def test_a_holiday_has_its_chinese_name():
    assert holiday(date(2026, 2, 17)) == "春节"
    assert holiday(date(2026, 10, 4)) == "国庆节"  # a Sunday within it
    assert holiday(date(2026, 11, 25)) == holiday(date(2026, 11, 28)) == ""


def test_a_year_without_an_arrangement_has_its_holidays_as_long_as_they_usually_are():
    assert not arranged(2099)
    year_round = days("2099-01-01", "2099-12-31")
    free = {day for day in year_round if holiday(day)}
    assert free >= {
        date(2099, 1, 1),
        *days("2099-01-20", "2099-01-27"),  # from 除夕 on
        date(2099, 4, 4),
        *days("2099-05-01", "2099-05-05"),
        *days("2099-10-01", "2099-10-07"),
    }
    assert {"元旦", "春节", "清明节", "劳动节", "端午节", "国庆节"} <= {holiday(day) for day in free}
    assert len(free) < 40
    assert not any(map(make_up_workday, year_round))


def test_a_holiday_reaches_back_over_the_turn_of_the_year():
    # 2096-01-01 is a Sunday: the Saturday before it is free with it.
    assert date(2096, 1, 1).weekday() == 6
    assert holiday(date(2095, 12, 31)) == "元旦"


@pytest.mark.parametrize(
    ("zone", "day", "named"),
    [
        ("Asia/Urumqi", "2026-10-05", True),
        ("Asia/Hong_Kong", "2026-07-01", True),
        ("Asia/Hong_Kong", "2026-10-05", False),
        ("Asia/Macau", "2026-12-20", True),
        ("Asia/Taipei", "2026-10-10", True),
        ("Asia/Taipei", "2026-10-05", False),
        ("Europe/Berlin", "2026-10-03", False),
        ("Asia/Shanghai", "2026-07-01", False),
    ],
)
def test_each_zone_has_its_own(zone, day, named):
    assert bool(holiday(date.fromisoformat(day), zone)) is named
    assert not make_up_workday(date(2026, 10, 10), "Europe/Berlin")
