"""Every event survives JSON, and what is no event is refused."""

import json
from typing import get_args

import pytest

from voicebot import events

EXAMPLES = [
    events.Dialling(0, "sip:callee@127.0.0.1:5070"),
    events.Ringing(120, code=183, early_media=True),
    events.Answered(900),
    events.HeardPartial(1500, "喂"),
    events.Heard(2400, "我转二十万", 0.83, 1200, 1900, "我转20万"),
    events.Understood(2400, (("greeting", 0.9), ("busy", 0.1)), (("callback_time", "下午三点", "2026-11-25T15:00"),)),
    events.Said(5200, "opening", "您好", 2500, 5200, complete=True),
    events.DisclosurePlayed(5200, "ai_notice"),
    events.DtmfReceived(6000, "1"),
    events.SilenceNoticed(9000),
    events.BargeIn(9500, "等一下"),
    events.HeldByFarEnd(9600, held=True),
    events.TransferRefused(9700),
    events.Acted(9800, "do_not_call", {"reason": "别再打了"}),
    events.Fault(9900, "asr", "model lost"),
    events.Ended(10000, "completed", 200, "OK", by_far_end=True),
    events.Recorded(10000, "2026-11-25/x.wav", "ab" * 32, 10000),
    events.Concluded(10000, "acknowledged", "A", (600, 720)),
]


def test_there_is_an_example_of_every_kind():
    assert {type(event) for event in EXAMPLES} == set(get_args(events.Event))
    assert len(events.KINDS) == len(get_args(events.Event))


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.kind)
def test_an_event_survives_json(event):
    text = json.dumps(events.to_json(event), ensure_ascii=False)
    assert events.from_json(json.loads(text)) == event


@pytest.mark.parametrize(
    "data",
    [
        {"kind": "sneezed", "at_ms": 0, "payload": {}},
        {"kind": "heard", "at_ms": 0, "payload": {"text": "喂"}},
        {"kind": "answered", "at_ms": "soon", "payload": {}},
        {"kind": "answered", "payload": {}},
    ],
)
def test_what_is_no_event_is_refused(data):
    with pytest.raises(ValueError, match=r"kind|heard|Answered|at_ms|Heard"):
        events.from_json(data)


def test_an_older_programs_turn_has_no_written_form():
    data = {"kind": "heard", "at_ms": 9, "payload": {"text": "三点", "confidence": 0.5, "start_ms": 1, "end_ms": 5}}
    assert events.from_json(data) == events.Heard(9, "三点", 0.5, 1, 5, "")


def test_a_newer_programs_event_is_read_without_what_is_unknown():
    data = {"kind": "answered", "at_ms": 5, "payload": {"codec": "PCMA"}}
    assert events.from_json(data) == events.Answered(5)
