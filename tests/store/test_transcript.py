"""Turns, response times and spellings, from plain values."""

import pytest

from voicebot import events
from voicebot.store.number import canonical
from voicebot.store.records import Turn, new_id
from voicebot.store.transcript import findings_of, percentile, response_times, turns_of


def test_turns_stand_in_the_order_in_which_they_began():
    happened = [
        events.Heard(4500, "嗯", 0.7, 3000, 3300),  # noted before the disclosure it fell into was over
        events.Understood(4500, (("backchannel", 0.9),)),
        events.Said(9000, "warning", "……", 1000, 9000, complete=True),
        events.DtmfReceived(9500, "1"),
        events.Understood(9500, (("acknowledged", 1.0),)),
    ]
    assert [(turn.n, turn.role, turn.text, turn.start_ms, turn.intent) for turn in turns_of(happened)] == [
        (1, "robot", "……", 1000, ""),
        (2, "callee", "嗯", 3000, "backchannel"),
        (3, "callee", "〔按键 1〕", 9500, "acknowledged"),
    ]


def test_a_turn_has_its_written_form():
    happened = [events.Heard(9, "三点", 0.5, 1, 5, "3点"), events.Heard(20, "好", 0.5, 12, 15)]
    assert [(turn.text, turn.written) for turn in turns_of(happened)] == [("三点", "3点"), ("好", "")]


def test_what_nobody_heard_means_nothing():
    assert turns_of([events.Understood(0, (("affirm", 1.0),)), events.HeardPartial(0, "对")]) == ()
    assert turns_of([events.Heard(9, "啊", 0.1, 0, 9), events.Understood(9, ())])[0].intent == ""


def spoke(role, start_ms, end_ms, *, complete=True):
    return Turn(0, role, "…", start_ms, end_ms, complete=complete)


@pytest.mark.parametrize(
    ("turns", "times"),
    [
        ([spoke("robot", 0, 1000), spoke("callee", 1500, 2000), spoke("robot", 2600, 4000)], (600,)),
        # cut off: the answer to the interruption counts
        ([spoke("robot", 0, 1000, complete=False), spoke("callee", 600, 1400), spoke("robot", 2000, 3000)], (600,)),
        # 应声 within a disclosure is answered by nobody
        ([spoke("robot", 0, 9000), spoke("callee", 3000, 3300), spoke("robot", 9200, 9900)], ()),
        # of two turns in a row the last
        ([spoke("callee", 0, 500), spoke("callee", 900, 1500), spoke("robot", 2000, 2100)], (500,)),
        # the robot began while the callee still spoke
        ([spoke("callee", 0, 5000), spoke("robot", 4000, 6000)], ()),
        ([spoke("robot", 0, 10), spoke("robot", 20, 30)], ()),
        ([], ()),
    ],
)
def test_response_times(turns, times):
    assert response_times(turns) == times


@pytest.mark.parametrize(
    ("times", "p50", "p95"),
    [([], None, None), ([700], 700, 700), ([900, 600], 600, 900), (list(range(1, 101)), 50, 95)],
)
def test_percentiles_are_times_that_occurred(times, p50, p95):
    assert (percentile(times, 0.50), percentile(times, 0.95)) == (p50, p95)


def test_findings_of_a_call_with_faults():
    found = findings_of([
        events.DisclosurePlayed(10, "notice"),
        events.DisclosurePlayed(20, "notice"),
        events.Fault(30, "asr", "model lost"),
        events.Fault(40, "ledger", "3 events lost"),
    ])  # fmt: skip
    assert found.disclosures == ("notice",)
    assert found.fault == "asr: model lost; ledger: 3 events lost"
    assert (found.ended, found.recorded, found.concluded) == (None, None, None)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("13800138000", "+8613800138000"),
        (" +86 138-0013-8000 ", "+8613800138000"),
        ("008613800138000", "+8613800138000"),
        ("sip:13800138000@10.0.0.1:5060", "+8613800138000"),
        ("SIPS:+8613800138000;tag=7@gw.example;transport=tls", "+8613800138000"),
        ("<sip:13800138000@gw>", "+8613800138000"),
        ("02160001234", "+862160001234"),
        ("+85221234567", "+85221234567"),
        ("sip:Callee@127.0.0.1:5070;transport=udp", "sip:callee@127.0.0.1:5070"),
        ("sip:gw.example", "sip:gw.example"),
        ("12386", "12386"),
        ("nobody", "nobody"),
        ("", ""),
    ],
)
def test_one_spelling_for_one_telephone(written, meant):
    assert canonical(written) == meant


def test_ids_are_sorted_by_time_and_safe_in_file_names():
    ids = [new_id() for _ in range(500)]
    assert len(set(ids)) == 500
    assert [one[:10] for one in ids] == sorted(one[:10] for one in ids)
    assert all(len(one) == 26 and one.isalnum() and one.isupper() for one in ids)
