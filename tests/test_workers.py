"""Worker processes: one that dies in mid-call leaves a closed record and is replaced."""

from __future__ import annotations

import asyncio
import os
import signal
import time
import wave
from datetime import datetime

import pytest

from voicebot import demo, events
from voicebot.call.session import Order
from voicebot.calling import Refused, call_once, may_be_called_by_synthetic_ear
from voicebot.flow.advance import begin
from voicebot.flow.loading import find
from voicebot.flow.problems import SlotError
from voicebot.flow.sample import sample_slots
from voicebot.robot import load_flow, open_store
from voicebot.settings import Settings
from voicebot.store.records import NewCall
from voicebot.workers import Pool, WorkerFault


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings(
        database_url=f"sqlite:///{tmp_path}/voicebot.db",
        recordings_dir=tmp_path / "recordings",
        tts_cache_dir=tmp_path / "tts",
        log_level="ERROR",
    )


@pytest.fixture
async def desk(settings):
    """A store and a pool of one worker, and what a call needs."""
    store = open_store(settings)
    pool = Pool(settings, store)
    await pool.start(1)
    flow = load_flow(settings, "margin_call")
    yield store, pool, flow, sample_slots(find("margin_call", flows=settings.flows_dir))
    await pool.close()
    store.close()


@pytest.mark.sip
async def test_a_killed_worker_leaves_a_closed_record_and_a_fresh_worker(settings, desk):
    store, pool, flow, slots = desk
    (old,) = pool.pids
    killed_at = 0.0

    def kill_after_the_first_prompt(event: events.Event) -> None:
        nonlocal killed_at
        if isinstance(event, events.Said) and not killed_at:
            killed_at = time.monotonic()
            os.kill(old, signal.SIGKILL)

    async with demo.softphone("silent") as uri:
        record = await call_once(settings, store, pool, flow, uri, slots, follow=kill_after_the_first_prompt)
        closed_after_s = time.monotonic() - killed_at
    assert killed_at
    print(f"record closed {closed_after_s:.2f} s after the kill")  # noqa: T201 - a figure for the reader
    assert (record.state, record.disposition) == ("closed", "fault")
    assert "worker process died" in record.fault
    assert [turn.role for turn in record.turns] == ["robot"]
    # What was recorded up to the kill can be played and is the file in the record.
    with wave.open(str(settings.recordings_dir / record.recording_path)) as recording:
        assert recording.getnframes() > 8000
    assert record.recording_problem
    await pool.settled()
    (fresh,) = pool.pids
    assert fresh != old
    async with demo.softphone("line_busy") as uri:
        assert (await call_once(settings, store, pool, flow, uri, slots)).disposition == "busy"


@pytest.mark.sip
async def test_a_cancelled_caller_ends_the_call_and_its_record_is_closed(settings, desk):
    store, pool, flow, slots = desk
    said = asyncio.Event()
    async with demo.softphone("silent") as uri:
        task = asyncio.create_task(
            call_once(
                settings, store, pool, flow, uri, slots,
                follow=lambda event: said.set() if isinstance(event, events.Answered) else None,
            )
        )  # fmt: skip
        await said.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert store.open_calls() == []


@pytest.mark.sip
async def test_a_cancel_right_behind_the_order_is_not_lost(settings, desk):
    store, pool, flow, slots = desk
    async with demo.softphone("silent") as uri:
        seat = pool.reserve("call1")
        checked = begin(flow, slots, datetime.now(settings.zone)).slots
        store.create_call(NewCall("call1", flow.name, flow.version, uri, contact_slots=checked, engines=seat.engines))
        pool.place(Order("call1", flow.name, uri, dict(checked)))
        await pool.cancel("call1")
        await asyncio.wait_for(pool.wait("call1"), 30)
    assert store.call("call1").disposition == "cancelled"


async def test_a_missing_slot_is_refused_before_anything_is_noted_or_dialled(settings, desk):
    store, pool, flow, slots = desk
    del slots["ratio"]
    with pytest.raises(SlotError, match="ratio"):
        await call_once(settings, store, pool, flow, "sip:nobody@127.0.0.1:9", slots)
    assert store.open_calls() == []


async def test_a_number_on_the_do_not_call_list_is_refused(settings, desk):
    store, pool, flow, slots = desk
    store.add_do_not_call("sip:client@127.0.0.1:5999", "asked for it")
    with pytest.raises(Refused, match="do-not-call"):
        await call_once(settings, store, pool, flow, "sip:client@127.0.0.1:5999", slots)
    assert store.open_calls() == []


@pytest.mark.parametrize(
    ("target", "changed", "may"),
    [
        ("sip:13800138000@192.0.2.1", {}, False),
        ("sip:13800138000@sbc.example", {"sip_test_numbers": ("13900139000",)}, False),
        ("sip:13800138000@sbc.example", {"sip_test_numbers": ("+86 138 0013 8000",)}, True),
        ("sip:13800138000@sbc.example", {"synthetic_ear_for": "everyone"}, True),
        ("sip:anybody@127.0.0.1:5070", {}, True),
        ("sip:anybody@localhost", {}, True),
    ],
)
def test_an_ear_that_hears_no_people_calls_no_people(settings, target, changed, may):
    assert may_be_called_by_synthetic_ear(settings.model_copy(update=changed), target) is may


async def test_a_refused_call_leaves_no_row_and_no_channel_taken(settings, desk):
    store, pool, flow, slots = desk
    for _ in range(5):
        with pytest.raises(Refused, match="synthetic speech"):
            await call_once(settings, store, pool, flow, "sip:13800138000@192.0.2.1", slots)
    assert store.open_calls() == []


@pytest.mark.sip
async def test_a_target_that_is_not_there_is_an_outcome(settings, desk):
    store, pool, flow, slots = desk
    quick = settings.model_copy(update={"ring_timeout_s": 3.0})
    record = await call_once(quick, store, pool, flow, "sip:nobody@127.0.0.1:9", slots)
    assert record.disposition == "unreachable"


async def test_a_fifth_call_finds_no_channel(desk):
    _, pool, _, _ = desk
    for n in range(4):
        pool.reserve(f"call{n}")
    with pytest.raises(WorkerFault, match="no free channel"):
        pool.reserve("call4")
    for n in range(4):
        pool.release(f"call{n}")


async def test_workers_that_cannot_start_say_why_in_one_line(settings, tmp_path):
    broken = settings.model_copy(update={"asr_model": "no-such-model"})
    store = open_store(broken)
    pool = Pool(broken, store)
    with pytest.raises(WorkerFault, match="no-such-model") as told:
        await pool.start(1)
    assert "\n" not in str(told.value)
    store.close()
