"""The breaker of a trunk in virtual time: it opens, waits, probes once, closes or waits longer."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.endings import cause_of
from sip.line import Cause
from voicebot.campaign.breaker import Breaker, abandoned, after, is_trunk_failure, may_dial, probing
from voicebot.campaign.policy import BreakerLimits

NOW = datetime(2026, 11, 25, 6, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LIMITS = BreakerLimits(failures=3, pause="1min", longest="5min")


def failing(breaker, times, now=NOW):
    for n in range(times):
        breaker = after(breaker, f"f{n}", False, now, LIMITS)
    return breaker


OPEN = failing(Breaker(), 3)


def test_it_opens_at_so_many_failures_in_a_row():
    assert failing(Breaker(), 2) == Breaker(failures=2)
    assert may_dial(failing(Breaker(), 2), "1:1", NOW) == "yes"
    assert after(failing(Breaker(), 2), "1:1", True, NOW, LIMITS) == Breaker()
    assert Breaker(failures=3, open_until=NOW + MINUTE, opened=1) == OPEN


def test_one_probe_when_the_pause_is_over():
    assert may_dial(OPEN, "1:1", NOW + MINUTE / 2) == "no"
    assert may_dial(OPEN, "1:1", NOW + MINUTE) == "probe"
    tried = probing(OPEN, "1:1")
    assert may_dial(tried, "1:1", NOW + MINUTE) == "probe"
    assert may_dial(tried, "2:1", NOW + 100 * MINUTE) == "no"
    assert after(tried, "1:1", True, NOW + MINUTE, LIMITS) == Breaker()


def test_each_probe_that_fails_doubles_the_pause_up_to_the_longest():
    breaker, now, pauses = OPEN, NOW, []
    for n in range(6):
        pauses.append((breaker.open_until - now) / MINUTE)
        now = breaker.open_until
        assert may_dial(breaker, f"p{n}", now - timedelta(microseconds=1)) == "no"
        breaker = after(probing(breaker, f"p{n}"), f"p{n}", False, now, LIMITS)
    assert pauses == [1, 2, 4, 5, 5, 5]
    closed = after(probing(breaker, "p"), "p", True, now, LIMITS)
    assert failing(closed, 3).open_until == NOW + MINUTE


def test_a_trunk_that_is_down_for_weeks_does_not_outgrow_a_span():
    assert after(Breaker(9, NOW, 10_000, "p"), "p", False, NOW, LIMITS).open_until == NOW + 5 * MINUTE


def test_calls_from_before_it_opened_tell_nothing():
    tried = probing(OPEN, "p")
    for breaker in (OPEN, tried):
        for ok in (True, False):
            assert after(breaker, "old", ok, NOW + 2 * MINUTE, LIMITS) == breaker


def test_a_probe_that_is_lost_makes_room_for_another():
    tried = probing(OPEN, "p")
    assert abandoned(tried, "p") == OPEN
    assert abandoned(tried, "other") == tried
    assert may_dial(abandoned(tried, "p"), "2:1", NOW + MINUTE) == "probe"


EVENT = st.tuples(
    st.sampled_from(["dial", "ok", "fail", "lose"]),
    st.integers(0, 4),
    st.integers(0, 400).map(lambda s: MINUTE * s / 60),
)


@given(st.lists(EVENT, max_size=80))
def test_whatever_happens(happened):
    """Never two probes, never a call while it is open, at least the pause between two probes; it never locks up."""
    breaker, now, running, last_probe = Breaker(), NOW, {}, None
    for what, n, passed in happened:
        now += passed
        attempt = f"{n}:1"
        if what == "dial" and attempt not in running:
            answer = may_dial(breaker, attempt, now)
            assert (answer == "yes") == (breaker.open_until is None)
            if answer == "probe":
                assert "probe" not in running.values()
                assert last_probe is None or now >= last_probe + LIMITS.pause
                assert now >= breaker.open_until
                breaker = probing(breaker, attempt)
            if answer != "no":
                running[attempt] = answer
        elif what != "dial" and attempt in running:
            was, how = breaker, running.pop(attempt)
            breaker = (
                abandoned(breaker, attempt) if what == "lose" else after(breaker, attempt, what == "ok", now, LIMITS)
            )
            if how == "probe":
                assert breaker.probe == ""
                last_probe = now if what == "fail" else None
            if was.open_until is None and breaker.open_until is not None:
                assert breaker.failures >= LIMITS.failures
            if breaker.open_until is None:
                assert (breaker.opened, breaker.probe) == (0, "") and breaker.failures < LIMITS.failures
            else:
                assert breaker.open_until - now <= LIMITS.longest
    if breaker.probe:
        breaker = abandoned(breaker, breaker.probe)
    assert may_dial(breaker, "any", now + LIMITS.longest) != "no"


@pytest.mark.parametrize("code", [500, 502, 503, 504, 580])
def test_a_broken_network_is_the_trunks_failure_unless_it_rang(code):
    assert is_trunk_failure(cause_of(code), code, rang=False)
    assert not is_trunk_failure(cause_of(code), code, rang=True)


@pytest.mark.parametrize(
    ("cause", "code", "broken"),
    [
        (Cause.UNREACHABLE, 0, True),  # dead peer, no such host
        (Cause.UNREACHABLE, 408, True),  # our own timer: not a word came back
        (Cause.FAULT, 0, True),
        (Cause.FAULT, 505, True),
        (Cause.FAULT, 488, False),  # the far end is there, and disagrees
        (Cause.UNREACHABLE, 482, False),
        (Cause.UNREACHABLE, 302, False),
        (Cause.NO_ANSWER, 408, False),  # the far end's timer
        (Cause.CANCELLED, 0, False),
        (Cause.COMPLETED, 200, False),
    ],
)
def test_what_a_silent_trunk_looks_like(cause, code, broken):
    assert is_trunk_failure(cause, code, rang=False) is broken


@pytest.mark.parametrize("code", [401, 403, 404, 407, 410, 480, 484, 486, 487, 600, 603, 604, 606, 607])
def test_any_answer_about_the_callee_says_that_the_trunk_works(code):
    assert not is_trunk_failure(cause_of(code), code, rang=False)
