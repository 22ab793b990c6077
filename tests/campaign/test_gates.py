"""Each rule by a table of what it refuses and until when; what holds for any snapshot whatever."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.campaign.gates import CHINESE, RULES, Dial, Pass, Refusal, Snapshot, judge, stale_data
from voicebot.campaign.plan import Plan
from voicebot.campaign.policy import read_policy
from voicebot.campaign.terms import WEEKDAYS

POLICY = read_policy()
ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 25, 14, 0, tzinfo=ZONE)  # a Wednesday
HOUR = timedelta(hours=1)
NUMBER, NAME, REASON = "+8613800138000", "王建国", "王建国说别再打了"
FACTS = {"as_of": "2026-11-25", "margin_call": "no", "open_complaint": "no", "consent_until": "2026-12-31"}
SUITABLE = ("C4", "R3", "2027-06-30", "consent-4711")

SERVICE = Snapshot(
    now=NOW,
    kind="service",
    plan=Plan(),
    limits=POLICY.service,
    number=NUMBER,
    zones=("Asia/Shanghai",),
    slots={"name": NAME},
    facts={},
    suitability=None,
    recent=(),
    forbidden=None,
    complaint_open=False,
    wished=False,
    spent=0,
    dials=0,
    imported_at=NOW - HOUR,
)
MARKETING = replace(SERVICE, kind="marketing", limits=POLICY.marketing, facts=FACTS, suitability=SUITABLE)
BOTH = pytest.mark.parametrize("snapshot", [SERVICE, MARKETING], ids=["service", "marketing"])


def at(text, zone=ZONE):
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def dials(*hours_ago, now=NOW):
    return tuple(Dial(now - hours * HOUR, "c1", f"{n}:1") for n, hours in enumerate(hours_ago))


def planned(snapshot, **plan):
    return replace(snapshot, plan=Plan(**plan))


def refused(snapshot, rule, until=None, **evidence):
    verdict = judge(snapshot)
    assert isinstance(verdict, Refusal), f"passed, wanted {rule}"
    assert (verdict.rule, verdict.until) == (rule, until)
    assert evidence.items() <= verdict.evidence.items()


@BOTH
def test_whoever_has_all_that_is_needed_is_called(snapshot):
    assert judge(snapshot) == Pass()


# ------------------------------------------------------------ the number and its data


@BOTH
def test_do_not_call_comes_before_everything(snapshot):
    told = replace(snapshot, forbidden=(at("2026-05-01"), REASON), zones=(), facts={}, dials=99)
    refused(told, "do_not_call", since="2026-05-01T00:00:00+08:00")


@BOTH
@pytest.mark.parametrize("zones", [(), ("Asia/Nowhere",), ("Asia/Shanghai", "")])
def test_a_number_without_a_clock_is_not_called(snapshot, zones):
    refused(replace(snapshot, zones=zones), "zone")


@BOTH
def test_data_is_not_used_beyond_its_retention(snapshot):
    kept = snapshot.limits.retention
    old = replace(snapshot, imported_at=NOW - kept, facts={**FACTS})
    refused(old, "retention", ended=NOW.isoformat())
    assert judge(replace(old, imported_at=NOW - kept + timedelta(minutes=1))) == Pass()


@BOTH
@pytest.mark.parametrize(
    ("as_of", "fresh"),
    [
        ("2026-11-25", True),
        ("2026-11-22", True),  # its day ended less than three days ago
        ("2026-11-21", False),
        ("2026-11-22T14:01", True),
        ("2026-11-22T14:00", False),
        ("2026-11-22T06:01:00+00:00", True),
        ("2026-11-22T06:00:00Z", False),
        ("2026-11-26", False),  # to come
        ("2026-11-25T14:00", True),
        ("2026-11-25T14:01", False),
        ("yesterday", False),
        ("9999-12-31", False),
        ("0001-01-01", False),
    ],
)
def test_figures_are_spoken_only_while_they_are_fresh(snapshot, as_of, fresh):
    verdict = judge(replace(snapshot, facts={**FACTS, "as_of": as_of}))
    assert isinstance(verdict, Pass) is fresh
    assert fresh or (verdict.rule, verdict.until) == ("stale_data", None)


def test_the_age_of_data_is_reckoned_where_its_day_came_first():
    def stale(as_of, now):
        both = ("Europe/London", "Asia/Shanghai")
        return stale_data(replace(SERVICE, zones=both, now=at(now), facts={"as_of": as_of}))

    assert stale("2026-11-22", "2026-11-25 23:59") is None
    assert stale("2026-11-22", "2026-11-26 00:00").evidence["limit"] == "3d"
    assert stale("2026-11-22T14:00", "2026-11-25 13:59") is None
    assert stale("2026-11-22T14:00", "2026-11-25 14:00").evidence["limit"] == "3d"
    assert stale("2026-11-26", "2026-11-25 23:59").evidence["why"] == "still to come"
    assert stale("2026-11-26", "2026-11-26 00:00") is None


def test_without_a_date_a_service_call_goes_by_the_import_and_a_marketing_call_is_not_placed():
    assert judge(replace(SERVICE, imported_at=NOW - 71 * HOUR)) == Pass()
    refused(replace(SERVICE, imported_at=NOW - 72 * HOUR), "stale_data", limit="3d")
    without = {key: value for key, value in FACTS.items() if key != "as_of"}
    refused(replace(MARKETING, facts=without), "stale_data", missing="as_of")


# ------------------------------------------------------------ marketing


@pytest.mark.parametrize(
    ("change", "rule", "evidence"),
    [
        ({"suitability": None}, "consent", {"missing": "consent"}),
        ({"suitability": ("C4", "R3", "2027-06-30", " ")}, "consent", {"missing": "consent"}),
        ({"consent_until": "2026-11-24"}, "consent", {"consent_until": "2026-11-24"}),
        ({"consent_until": "next year"}, "consent", {"unreadable": "consent_until"}),
        ({"suitability": ("C4", "R3", "", "x")}, "grade_valid", {"missing": "grade_valid_until"}),
        ({"suitability": ("C4", "R3", "2026-11-24", "x")}, "grade_valid", {"grade_valid_until": "2026-11-24"}),
        ({"suitability": ("C4", "R3", "2026-02-30", "x")}, "grade_valid", {"unreadable": "grade_valid_until"}),
        ({"suitability": ("C2", "R3", "2027-06-30", "x")}, "suitability", {"client": "C2", "product": "R3"}),
        ({"suitability": ("", "R3", "2027-06-30", "x")}, "suitability", {"missing": "client grade"}),
        ({"suitability": ("C9", "R3", "2027-06-30", "x")}, "suitability", {"missing": "client grade"}),
        ({"suitability": ("C5", "R6", "2027-06-30", "x")}, "suitability", {"missing": "product grade"}),
        ({"margin_call": "yes"}, "margin_call", {"margin_call": "yes"}),
        ({"margin_call": ""}, "margin_call", {"missing": "margin_call"}),
        ({"margin_call": "nope"}, "margin_call", {"unreadable": "margin_call"}),
        ({"open_complaint": "yes"}, "open_complaint", {"open_complaint": "yes"}),
        ({"open_complaint": ""}, "open_complaint", {"missing": "open_complaint"}),
        ({"complaint_open": True}, "open_complaint", {"by": "our records"}),
    ],
)
def test_what_stops_a_marketing_call_stops_no_service_call(change, rule, evidence):
    own = {key: value for key, value in change.items() if key in Snapshot.__slots__}
    facts = {**FACTS, **{key: value for key, value in change.items() if key not in own}}
    refused(replace(MARKETING, facts=facts, **own), rule, **evidence)
    assert judge(replace(SERVICE, facts=facts, **own)) == Pass()


@pytest.mark.parametrize("last", ["2026-11-25", "2026-11-26", "9999-12-31"])
def test_a_last_day_counts_whole(last):
    facts = {**FACTS, "consent_until": last}
    assert judge(replace(MARKETING, facts=facts, suitability=("C4", "R3", last, "x"))) == Pass()
    without = {key: value for key, value in FACTS.items() if key != "consent_until"}
    assert judge(replace(MARKETING, facts=without)) == Pass()


@given(st.integers(1, 5), st.integers(1, 5))
def test_a_client_hears_of_no_product_above_its_grade(client, product):
    verdict = judge(replace(MARKETING, suitability=(f"C{client}", f"R{product}", "2027-06-30", "x")))
    assert isinstance(verdict, Pass) is (client >= product)


# ------------------------------------------------------------ the campaign


@BOTH
def test_the_plans_days(snapshot):
    assert judge(planned(snapshot, first_day=date(2026, 11, 25), last_day=date(2026, 11, 25))) == Pass()
    refused(planned(snapshot, last_day=date(2026, 11, 24)), "campaign_over", last_day="2026-11-24")
    refused(planned(snapshot, first_day=date(2026, 11, 27)), "campaign_ahead", until=at("2026-11-27"))
    refused(replace(planned(snapshot, first_day=date(2026, 11, 27), budget=1), spent=1), "budget")


def test_a_day_is_the_day_of_every_zone_that_the_number_may_lie_in():
    early = replace(SERVICE, zones=("Asia/Shanghai", "Europe/London"), now=at("2026-11-26 18:00"))
    assert judge(early) == Pass()
    late = replace(early, now=at("2026-11-27 01:00"))  # still the 26th in London
    refused(replace(late, plan=Plan(last_day=date(2026, 11, 26))), "campaign_over")
    london = at("2026-11-27 00:00", ZoneInfo("Europe/London"))
    ahead = replace(late, plan=Plan(first_day=date(2026, 11, 27)))
    refused(ahead, "calling_hours", until=at("2026-11-27 17:00"))  # holds longer than the day that is ahead
    assert [rule(ahead).until for rule in RULES if rule(ahead)] == [london, at("2026-11-27 17:00")]


@BOTH
def test_budget_and_attempts(snapshot):
    refused(replace(planned(snapshot, budget=10), spent=10), "budget", calls=10, limit=10)
    assert judge(replace(planned(snapshot, budget=10), spent=9)) == Pass()
    refused(replace(snapshot, dials=3), "attempts_spent", calls=3, limit=3)
    assert judge(replace(snapshot, dials=2)) == Pass()
    assert judge(replace(snapshot, dials=4, wished=True)) == Pass()
    refused(replace(snapshot, dials=5, wished=True), "attempts_spent", limit=5)


@pytest.mark.parametrize(
    ("snapshot", "now", "until"),
    [
        (SERVICE, "2026-11-25 21:00", "2026-11-26 09:00"),
        (MARKETING, "2026-11-25 20:00", "2026-11-26 09:00"),
        (MARKETING, "2026-11-27 20:00", "2026-11-30 09:00"),
        (planned(SERVICE, hours={"fri": ["10:00-11:00"]}), "2026-11-25 12:00", "2026-11-27 10:00"),
        (SERVICE, "2026-10-01 12:00", "2026-10-08 09:00"),
        (planned(SERVICE, hours={"mon": ["21:00-24:00"]}), "2026-11-25 12:00", None),  # nothing is left of it
        (planned(SERVICE, hours={}), "2026-11-25 12:00", None),
    ],
)
def test_calling_hours(snapshot, now, until):
    there = replace(snapshot, now=at(now), imported_at=at(now), facts={**FACTS, "as_of": now[:10]})
    for wished in (False, True):
        refused(replace(there, wished=wished), "calling_hours", until=until and at(until))
    evidence = judge(there).evidence
    assert now in evidence["local"]["Asia/Shanghai"]
    assert evidence.get("holiday", "") == ("国庆节" if "10-01" in now else "")


# ------------------------------------------------------------ how often


def test_the_gap_holds_unless_the_callee_asked():
    soon = replace(SERVICE, recent=dials(0.25))
    refused(soon, "gap", until=NOW + 0.25 * HOUR, last=(NOW - 0.25 * HOUR).isoformat())
    assert judge(replace(soon, wished=True)) == Pass()
    assert judge(replace(SERVICE, recent=dials(0.5))) == Pass()


def test_the_caps_of_a_day_and_a_week():
    refused(replace(SERVICE, recent=dials(20, 10, 5)), "per_day", until=NOW + 4 * HOUR, calls=3, limit=3)
    refused(replace(SERVICE, recent=dials(20, 10, 5, 2)), "per_day", until=NOW + 14 * HOUR, calls=4)
    assert judge(replace(SERVICE, recent=dials(24, 10, 5))) == Pass()
    assert judge(replace(SERVICE, recent=dials(20, 10, 5), wished=True)) == Pass()
    refused(replace(SERVICE, recent=dials(20, 10, 5, 2), wished=True), "per_day", until=NOW + 4 * HOUR, limit=4)
    refused(replace(planned(SERVICE, per_day=1), recent=dials(20)), "per_day", until=NOW + 4 * HOUR, limit=1)
    week = dials(160, 140, 120, 100, 80, 60, 40)
    refused(replace(SERVICE, recent=week), "per_week", until=NOW + 8 * HOUR, calls=7, limit=7)
    assert judge(replace(SERVICE, recent=week[1:])) == Pass()


def test_a_plan_made_before_the_policy_became_stricter_does_not_go_beyond_it():
    stricter = POLICY.service.model_copy(update={"per_day": 1})
    refused(replace(planned(SERVICE, per_day=3), limits=stricter, recent=dials(20)), "per_day", NOW + 4 * HOUR, limit=1)


def test_the_rule_that_holds_longest_is_named():
    refused(replace(SERVICE, recent=dials(23, 22, 0.25)), "per_day", until=NOW + HOUR)
    refused(replace(SERVICE, recent=dials(23.9, 22, 0.25)), "gap", until=NOW + 0.25 * HOUR)


# ------------------------------------------------------------ whatever is asked

SHORT = st.integers(-2 * 24 * 60, 14 * 24 * 60).map(lambda minutes: timedelta(minutes=minutes))
DAYS = st.one_of(st.none(), st.dates(date(2026, 11, 20), date(2026, 12, 10)))
FACT = st.one_of(st.sampled_from(["", "yes", "no", "2026-11-25", "2026-11-20", "2026-12-24"]), st.text(max_size=12))


EITHER = st.sampled_from([SERVICE, MARKETING])


@st.composite
def snapshots(draw, base=EITHER):
    now = NOW + draw(SHORT)
    first, last = draw(DAYS), draw(DAYS)
    plan = Plan(
        first_day=first,
        last_day=last if last and first and last >= first else None,
        hours=draw(st.one_of(st.none(), st.dictionaries(st.sampled_from(WEEKDAYS), st.just(["10:00-12:00"])))),
        per_day=draw(st.one_of(st.none(), st.integers(1, 3))),
        budget=draw(st.one_of(st.none(), st.integers(1, 5))),
    )
    recent = draw(st.lists(st.integers(0, 7 * 24 * 60), max_size=9))
    return replace(
        draw(base),
        now=now.astimezone(UTC),
        plan=plan,
        zones=draw(st.sampled_from([("Asia/Shanghai",), ("Asia/Shanghai", "Asia/Tokyo"), ("Europe/London",)])),
        facts=draw(st.one_of(st.just(FACTS), st.dictionaries(st.sampled_from(list(FACTS)), FACT))),
        recent=tuple(Dial(now - timedelta(minutes=ago), "c1", f"{n}:1") for n, ago in enumerate(recent)),
        forbidden=draw(st.sampled_from([None, None, None, (NOW, REASON)])),
        complaint_open=draw(st.booleans()),
        wished=draw(st.booleans()),
        spent=draw(st.integers(0, 6)),
        dials=draw(st.integers(0, 6)),
        imported_at=now - timedelta(hours=draw(st.integers(0, 800))),
    )


@given(snapshots())
def test_any_verdict_is_whole(snapshot):
    """A rule that is known, evidence that JSON takes and that names nobody, a time that lies ahead."""
    verdict = judge(snapshot)
    if isinstance(verdict, Refusal):
        assert verdict.rule in CHINESE
        assert verdict.until is None or verdict.until > snapshot.now
        told = json.dumps(dict(verdict.evidence), ensure_ascii=False)
        assert verdict.evidence and not [text for text in (NUMBER[3:], NAME, REASON) if text in told]
    else:
        assert not any(rule(snapshot) for rule in RULES)


@given(snapshots())
def test_never_outranks_later_and_each_later_ends(snapshot):
    refusals = [refusal for rule in RULES if (refusal := rule(snapshot)) is not None]
    verdict = judge(snapshot)
    if any(refusal.until is None for refusal in refusals):
        assert verdict.until is None
    for rule in RULES:
        refusal = rule(snapshot)
        if refusal is not None and refusal.until is not None:
            assert refusal.rule == rule.__name__
            assert rule(replace(snapshot, now=refusal.until)) is None
            assert rule(replace(snapshot, now=refusal.until - timedelta(microseconds=1))) is not None


@given(snapshots(st.just(MARKETING)), st.sampled_from(["as_of", "margin_call", "open_complaint"]))
def test_a_marketing_call_without_a_fact_is_never_placed(snapshot, fact):
    without = {key: value for key, value in snapshot.facts.items() if key != fact}
    for facts in (without, {**without, fact: "  "}):
        verdict = judge(replace(snapshot, facts=facts))
        assert isinstance(verdict, Refusal)
        assert verdict.until is None


@given(st.lists(st.sampled_from(range(4)), min_size=1, unique=True))
def test_a_marketing_call_without_a_part_of_its_suitability_is_never_placed(missing):
    given_ = tuple("" if n in missing else part for n, part in enumerate(SUITABLE))
    verdict = judge(replace(MARKETING, suitability=given_))
    assert isinstance(verdict, Refusal)
    assert verdict.until is None


def test_every_rule_has_its_name_in_chinese():
    assert [rule.__name__ for rule in RULES] == list(CHINESE)
