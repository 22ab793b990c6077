"""Whole calls over real SIP: every shipped persona, the real engines, worker processes, the record.

All personas are called once, four at a time, and each record is then looked at. `make bench` repeats them.
"""

from __future__ import annotations

import asyncio
import hashlib
import wave
from pathlib import Path

import pytest

from voicebot import demo
from voicebot.calling import call_once
from voicebot.flow.dispositions import Disposition
from voicebot.flow.loading import find
from voicebot.flow.sample import sample_slots
from voicebot.report import as_json
from voicebot.robot import load_flow, open_store
from voicebot.settings import Settings
from voicebot.softphone.persona import load as load_persona
from voicebot.softphone.persona import shipped
from voicebot.workers import Pool

pytestmark = pytest.mark.sip
PERSONAS = shipped(Settings().personas_dir)
FIGURES = ("128.50", "140", "12万", "强制平仓")
UNANSWERED = {"line_busy": 486, "no_answer": 487}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("calls")
    return Settings(
        database_url=f"sqlite:///{folder}/voicebot.db",
        recordings_dir=folder / "recordings",
        tts_cache_dir=folder / "tts",
        ring_timeout_s=8,
        log_level="ERROR",
    )


@pytest.fixture(scope="module")
def records(settings):
    async def all_personas():
        flow = load_flow(settings, "margin_call")
        slots = sample_slots(find("margin_call", flows=settings.flows_dir))
        store = open_store(settings)
        pool = Pool(settings, store)
        gate = asyncio.Semaphore(4)

        async def one(persona: str):
            async with gate, demo.softphone(persona) as uri:
                return persona, await call_once(settings, store, pool, flow, uri, slots, contact_ref="test")

        try:
            await pool.start(1)
            return dict(await asyncio.gather(*map(one, PERSONAS)))
        finally:
            await pool.close()
            store.close()

    return asyncio.run(all_personas())


@pytest.mark.parametrize("persona", PERSONAS)
def test_the_outcome_is_the_one_the_persona_stands_for(records, settings, persona):
    record = records[persona]
    expected = load_persona(persona, settings.personas_dir).expect
    told = [(turn.role, turn.text) for turn in record.turns]
    assert record.disposition == expected, told
    assert record.state == "closed"
    assert Disposition(record.disposition).chinese


@pytest.mark.parametrize("persona", [p for p in PERSONAS if p not in UNANSWERED])
def test_the_recording_is_whole_and_the_one_in_the_record(records, settings, persona):
    record = records[persona]
    file = settings.recordings_dir / record.recording_path
    assert hashlib.sha256(file.read_bytes()).hexdigest() == record.recording_sha256
    assert not record.recording_problem
    with wave.open(str(file)) as recording:
        assert (recording.getnchannels(), recording.getframerate(), recording.getsampwidth()) == (2, 8000, 2)
        assert abs(recording.getnframes() / 8 - record.recording_ms) < 1
        samples = memoryview(recording.readframes(recording.getnframes())).cast("h")
    assert max(samples[0::2]) > 2000  # the robot spoke
    assert (max(samples[1::2]) > 1000) is (persona != "silent")  # so did the callee


@pytest.mark.parametrize("persona", [p for p in PERSONAS if p not in UNANSWERED])
def test_the_call_opens_with_the_notice_and_keeps_the_account_until_the_identity_is_known(records, persona):
    turns = records[persona].turns
    assert turns[0].role == "robot"
    assert "人工智能" in turns[0].text
    assert "录音" in turns[0].text
    for n, turn in enumerate(turns):
        if turn.role == "robot" and any(figure in turn.text for figure in FIGURES):
            before = [t.intent for t in turns[:n] if t.role == "callee"]
            assert {"identity_confirm", "affirm"} & set(before), before
            break


@pytest.mark.parametrize(("persona", "code"), UNANSWERED.items())
def test_a_call_that_nobody_takes_says_why_and_leaves_no_recording(records, persona, code):
    record = records[persona]
    assert record.sip_code == code
    assert not record.turns
    assert not record.recording_path


@pytest.mark.parametrize("persona", PERSONAS)
def test_the_json_has_the_promised_form(records, settings, persona):
    result = as_json(records[persona], settings.recordings_dir, settings.zone)
    assert set(result) >= {
        "call_id", "flow", "disposition", "grade", "sip", "turns", "recording", "sha256", "lead", "response_ms",
    }  # fmt: skip
    assert result["flow"] == "margin_call"
    assert result["grade"] in set("ABCDEF")
    assert set(result["response_ms"]) == {"p50", "p95"}
    assert "code" in result["sip"]
    for turn in result["turns"]:
        assert set(turn) >= {"role", "text", "start_ms", "end_ms", "intent"}
        assert 0 <= turn["start_ms"] <= turn["end_ms"]
    assert not result["recording"] or Path(result["recording"]).is_file()


def test_a_wish_not_to_be_called_is_kept(records, settings):
    store = open_store(settings)
    try:
        assert store.do_not_call(records["do_not_call"].target) is not None
        assert store.do_not_call(records["cooperative"].target) is None
    finally:
        store.close()


def test_a_callback_and_a_promise_leave_a_lead(records):
    assert records["cooperative"].lead is not None
    assert records["busy_callback"].lead is not None
    assert records["busy_callback"].lead.slots
    assert records["wrong_number"].lead is None
