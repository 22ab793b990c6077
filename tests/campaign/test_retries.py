"""What follows each outcome: by the shipped table, the plan's bound, a callee's wish; and tables that are refused."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.campaign.fault import CampaignFault
from voicebot.campaign.plan import Plan
from voicebot.campaign.policy import SHIPPED, read_policy
from voicebot.campaign.retries import Next, dials_allowed, next_attempt
from voicebot.flow.dispositions import FROM_SCRIPT, Disposition

NOW = datetime(2026, 11, 25, 6, 0, tzinfo=UTC)
THREE = NOW + timedelta(hours=1)
PLAN = Plan(dials=3)
RETRIES = read_policy().retries
AGAIN = [outcome for outcome in Disposition if RETRIES[outcome] is not None]


def follow(disposition, dials=1, seed="7:1", wish=None, plan=PLAN):
    return next_attempt(disposition, dials=dials, plan=plan, retries=RETRIES, now=NOW, seed=seed, wish=wish)


@pytest.mark.parametrize(
    ("outcome", "least", "most"),
    [
        ("busy", "0:30", "0:40"),
        ("no_answer", "3:00", "3:30"),
        ("powered_off", "4:00", "5:00"),
        ("unreachable", "2:00", "2:30"),
        ("rejected", "24:00", "25:00"),
        ("cancelled", "1:00", "1:10"),
        ("fault", "0:30", "0:40"),
        ("voicemail", "4:00", "5:00"),
        ("silent", "24:00", "25:00"),
        ("not_self", "24:00", "25:00"),
    ],
)
def test_the_shipped_waits(outcome, least, most):
    shortest, longest = (timedelta(hours=int(h), minutes=int(m)) for h, m in (t.split(":") for t in (least, most)))
    waits = [follow(outcome, seed=f"{contact}:1").at - NOW for contact in range(300)]
    assert shortest <= min(waits) <= shortest + (longest - shortest) / 10
    assert longest - (longest - shortest) / 10 <= max(waits) <= longest


def test_the_others_are_never_dialled_again():
    assert {outcome for outcome in Disposition if follow(outcome).at is None} == {
        *(FROM_SCRIPT - {"voicemail", "silent", "not_self"}), "empty_number", "out_of_service", "hung_up", "unknown",
    }  # fmt: skip
    assert follow("acknowledged") == follow("not an outcome") == Next(None, "", "never")


@given(st.sampled_from(AGAIN), st.text(max_size=40), st.text(max_size=40))
def test_the_seed_alone_decides_within_the_spread(outcome, one, other):
    first, second = follow(outcome, seed=one), follow(outcome, seed=other)
    retry = RETRIES[outcome]
    for chosen in (first, second):
        assert retry.after <= chosen.at - NOW <= retry.after + retry.spread
        assert (chosen.kind, chosen.why) == ("retry", outcome)
    assert first == follow(outcome, seed=one)
    assert one == other or first != second


def test_the_plan_bounds_the_calls():
    assert follow("busy", dials=2).kind == "retry"
    assert follow("busy", dials=3) == follow("busy", dials=4) == Next(None, "", "attempts_spent")
    assert follow("empty_number", dials=3).why == "never"


def test_a_wish_is_kept_to_the_minute_and_may_go_two_calls_beyond_the_plan():
    for outcome in ("callback", "acknowledged", "hung_up", "not_self"):
        assert follow(outcome, wish=THREE) == Next(THREE, "wish", "wish")
    assert follow("callback", dials=4, wish=THREE).at == THREE
    assert follow("callback", dials=5, wish=THREE) == Next(None, "", "never")
    assert follow("busy", dials=5, wish=THREE) == Next(None, "", "attempts_spent")
    assert (dials_allowed(PLAN, wished=False), dials_allowed(PLAN, wished=True)) == (3, 5)


def test_a_wish_that_has_come_is_due_now():
    assert follow("callback", wish=NOW - timedelta(minutes=2)).at == NOW


@pytest.mark.parametrize("outcome", ["do_not_call", "complaint", "refuse", "wrong_number"])
def test_a_no_outranks_the_hour_named_before_it(outcome):
    assert follow(outcome, wish=THREE) == Next(None, "", "never")


@pytest.mark.parametrize(
    ("line", "instead", "said"),
    [
        ("  busy: {after: 30min, spread: 10min}\n", "", "retries: busy: not there; write never, or {after: 30min"),
        ("  refuse: never", "  refuse: later", "retries: refuse: write never, or {after: 30min, spread: 10min}"),
        ("  refuse: never", "  refused: never", "retries: 'refused' is no outcome; write acknowledged, will_do"),
        ("spread: 30min}", "sprad: 30min}", "sprad: Extra inputs are not permitted"),
        ("after: 3h", "after: 0min", "after: a number is not dialled again at once; write 30min"),
        ("gap: 30min", "gap: 8d", "service.gap: longer than 7d"),
        ("after: 3h", "after: soon", "after: 'soon' is no span of time; write 30s, 30min, 2h or 1d"),
    ],
)
def test_a_table_with_a_mistake_is_refused_with_its_place(tmp_path, line, instead, said):
    text = SHIPPED.read_text("utf-8")
    assert line in text
    file = tmp_path / "policy.yaml"
    file.write_text(text.replace(line, instead, 1), "utf-8")
    with pytest.raises(CampaignFault) as refused:
        read_policy(file)
    assert said in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1
