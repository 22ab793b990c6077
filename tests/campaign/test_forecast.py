"""When it will be over: pure, over hours made up and over the policy's own."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.campaign.book import Campaign
from voicebot.campaign.forecast import AnyOf, forecast, hours_of, open_between, pace_of, walk
from voicebot.campaign.kpi import Tally
from voicebot.campaign.plan import Plan
from voicebot.campaign.policy import read_policy
from voicebot.campaign.progress import Progress, TrunkState

ZONE = ZoneInfo("Asia/Shanghai")
DAY = timedelta(days=1)
MIDNIGHT = datetime(2026, 11, 25, tzinfo=UTC)
NOW = MIDNIGHT + timedelta(hours=12)


@dataclass(frozen=True)
class Daily:
    """Open every day from one hour of UTC to another."""

    begin: int
    end: int

    def next_opening(self, at):
        day = at.replace(hour=0, minute=0, second=0, microsecond=0)
        for opens in (day, day + DAY):
            if at < opens + timedelta(hours=self.end):
                return max(at, opens + timedelta(hours=self.begin))
        raise AssertionError

    def closes_at(self, at):
        return at.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(hours=self.end)


class Never:
    def next_opening(self, at):
        return None

    def closes_at(self, at):
        return at


OFFICE = Daily(9, 17)


def seen(plan=None, at=NOW, *, state="running", waiting=100, done=50, dials=100, recent=20, last_due=None, began=None):
    campaign = Campaign(
        id="1", name="c", flow="margin_call", flow_version="", kind="service", author="a", state=state,
        state_since=NOW, state_why="", trunk="default", plan=plan or Plan(), contacts_sha256="", rows_read=0,
        contacts_accepted=0, zones=("Asia/Shanghai",), approval=None, dials=dials, created_at=NOW,
        started_at=began or MIDNIGHT + timedelta(hours=9), ended_at=NOW if state in ("done", "cancelled") else None,
    )  # fmt: skip
    contacts = {"waiting": waiting, "admitted": 0, "done": done, "refused": 3, "unknown": 0, "cancelled": 0}
    attempts = {"queued": 0, "dialling": 0, "closed": dials, "unknown": 0, "refused": 0}
    trunk = TrunkState("default", 0, None, "")
    return Progress(campaign, at, contacts, (), attempts, Tally(), recent, 0, None, last_due, (), trunk)


def test_calls_left_at_the_pace_of_late():
    """100 contacts × 2 calls each ÷ 2 a minute = 100 minutes."""
    found = forecast(seen(), OFFICE, ZONE)
    assert (found.calls, found.per_minute, found.end) == (200, 2.0, NOW + timedelta(minutes=100))


def test_what_does_not_fit_today_goes_on_when_it_opens_again():
    found = forecast(seen(waiting=400), OFFICE, ZONE)  # 400 minutes, 300 of them today
    assert found.end == MIDNIGHT + DAY + timedelta(hours=9, minutes=100)


def test_not_before_the_last_one_who_is_due_at_a_certain_time():
    due = NOW + timedelta(hours=20)
    assert forecast(seen(last_due=due), OFFICE, ZONE).end == due
    assert forecast(seen(last_due=NOW + timedelta(minutes=1)), OFFICE, ZONE).end == NOW + timedelta(minutes=100)


def test_no_pace_no_forecast():
    found = forecast(seen(dials=0, recent=0, done=0), OFFICE, ZONE)
    assert (found.end, found.calls) == (None, 100)
    assert "no call" in found.why


@pytest.mark.parametrize("state", ["draft", "submitted", "approved", "paused"])
def test_one_that_does_not_run_has_none(state):
    found = forecast(seen(state=state), OFFICE, ZONE)
    assert found.end is None
    assert state in found.why


@pytest.mark.parametrize("state", ["done", "cancelled"])
def test_one_that_is_over_has_ended(state):
    assert forecast(seen(state=state), OFFICE, ZONE).end == NOW


def test_nothing_left_is_now():
    assert forecast(seen(waiting=0), OFFICE, ZONE).end == NOW


def test_a_budget_bounds_the_calls():
    assert forecast(seen(Plan(budget=120)), OFFICE, ZONE).calls == 20
    assert forecast(seen(Plan(budget=10)), OFFICE, ZONE).end == NOW


def test_never_more_calls_each_than_the_plan_allows():
    assert forecast(seen(Plan(dials=2), done=1), OFFICE, ZONE).calls == 200


def test_after_the_last_day_it_says_so():
    found = forecast(seen(Plan(last_day=date(2026, 11, 25)), waiting=400), OFFICE, ZONE)
    assert "2026-11-25" in found.why
    assert forecast(seen(Plan(last_day=date(2026, 11, 26)), waiting=400), OFFICE, ZONE).why == ""


def test_no_hours_no_end():
    found = forecast(seen(), Never(), ZONE)
    assert found.end is None
    assert found.why


def test_in_the_morning_the_pace_is_that_of_yesterday_and_of_open_hours_only():
    at = MIDNIGHT + DAY + timedelta(hours=9)
    assert pace_of(seen(at=at, recent=0, dials=480), OFFICE) == pytest.approx(1.0)  # 480 in the 8 hours of yesterday


def test_several_zones_are_open_while_one_is():
    both = AnyOf((Daily(1, 9), Daily(5, 12)))
    assert both.next_opening(MIDNIGHT) == MIDNIGHT + timedelta(hours=1)
    assert open_between(MIDNIGHT, MIDNIGHT + DAY, both) == timedelta(hours=11)
    assert AnyOf(()).next_opening(NOW) is None


@given(
    st.integers(0, 22), st.integers(1, 24), st.integers(0, 3000), st.datetimes(
        datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)
    )
)  # fmt: skip
def test_what_is_walked_is_open_and_no_more(begin, length, minutes, start):
    opened = Daily(begin, min(begin + length, 24))
    end = walk(start, timedelta(minutes=minutes), opened)
    assert end is not None
    assert open_between(start, end, opened) == timedelta(minutes=minutes)


def test_the_policy_s_hours_for_a_campaign():
    """Service calls from 09:00 to 21:00; 12:00 UTC is 20:00 in Shanghai, so an hour is left."""
    opened = hours_of(seen().campaign, read_policy())
    assert open_between(NOW, NOW + timedelta(hours=3), opened) == timedelta(hours=1)
    assert opened.next_opening(NOW + timedelta(hours=2)) == MIDNIGHT + DAY + timedelta(hours=1)
    nowhere = hours_of(replace(seen().campaign, zones=()), read_policy())
    assert nowhere.next_opening(NOW) is None
