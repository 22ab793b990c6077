"""Events are handed over without waiting, and a database that is away loses none of them."""

import asyncio
import sqlite3
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import make_url

from voicebot import events
from voicebot.store.fault import StoreFault
from voicebot.store.ledger import Ledger
from voicebot.store.records import Lead, NewCall
from voicebot.store.store import Store

NOW = datetime(2026, 11, 25, 6, 0, tzinfo=UTC)
CALL = NewCall("call-1", "margin_call", "3f2a", "sip:callee@127.0.0.1:5070", created_at=NOW)
TALK = (
    events.Dialling(0, CALL.target),
    events.Answered(800),
    events.Said(3800, "opening", "您好，请问您是王建国先生吗？", 820, 3800, complete=True),
    events.Heard(5200, "对我是", 0.91, 4200, 4700),
    events.Understood(5200, (("identity_confirm", 0.95),)),
)
END = (
    events.Said(15000, "bye", "感谢接听，再见。", 12900, 15000, complete=True),
    events.Ended(15300, "completed", 200, "OK"),
    events.Recorded(15300, "2026-11-25/call-1.wav", "ab" * 32, 15300),
    events.Concluded(15300, "acknowledged", "B"),
)
LEAD = Lead("plan", "client-7", "plan", 1, "B", "知道了", "advisor", NOW, created_at=NOW)


@pytest.fixture
def impatient(migrated, tmp_path):
    """A store on a file of its own that waits only 20 ms for a lock, so that the ledger's own patience is seen."""
    file = tmp_path / "record.db"
    file.write_bytes(migrated.read_bytes())
    opened = Store.open(f"sqlite:///{file}", busy_timeout_ms=20)
    opened.create_call(CALL)
    yield opened
    opened.close()


class Held:
    """Another program that writes to the database and takes its time."""

    def __init__(self, store):
        file = Path(make_url(str(store.engine.url)).database)
        self._connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        self._connection.execute("BEGIN IMMEDIATE")

    def let_go(self):
        self._connection.execute("ROLLBACK")
        self._connection.close()


async def until(condition):
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - what is waited for belongs to a thread that sets no event
            await asyncio.sleep(0.005)


async def test_a_whole_call(store):
    ledger = Ledger(store)
    await ledger.create_call(CALL)
    for event in TALK:
        ledger.append("call-1", event)
    await ledger.flush()
    assert [one.event for one in store.events("call-1")] == list(TALK)
    assert ledger.waiting == 0
    ledger.append("call-1", *END[:2])
    record = await ledger.close_call("call-1", *END[2:], lead=LEAD)
    assert record == store.call("call-1")
    assert (record.state, record.lead) == ("closed", LEAD)
    await ledger.close()
    await ledger.close()
    assert (ledger.lost, ledger.trouble) == (0, "")


async def test_events_reach_the_database_by_themselves_and_in_company(store, monkeypatch):
    store.create_call(CALL)
    batches = []
    append_entries = store.append_entries
    monkeypatch.setattr(
        store, "append_entries", lambda entries: (batches.append(len(entries)), append_entries(entries))
    )
    ledger = Ledger(store, gather_s=0.5)
    for n in range(50):
        ledger.append("call-1", events.HeardPartial(n, "喂"))
    await until(lambda: ledger.waiting == 0)
    assert sum(batches) == 50
    assert len(batches) < 10
    await ledger.close()


async def test_threads_hand_over_side_by_side(store):
    store.create_call(CALL)
    ledger = Ledger(store)

    def talk(name):
        for n in range(200):
            ledger.append("call-1", events.HeardPartial(n, name))

    threads = [threading.Thread(target=talk, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    await asyncio.gather(*(asyncio.to_thread(thread.join) for thread in threads))
    await ledger.flush()
    stored = [one.event for one in store.events("call-1")]
    assert len(stored) == 600
    for name in "abc":
        assert [event.at_ms for event in stored if event.text == name] == list(range(200))
    await ledger.close()


async def test_a_locked_database_delays_and_loses_nothing(impatient):
    ledger = Ledger(impatient)
    other = Held(impatient)
    for event in TALK:
        ledger.append("call-1", event)
    closing = asyncio.create_task(ledger.close_call("call-1", *END))
    await until(lambda: "locked" in ledger.trouble)
    assert impatient.events("call-1") == []
    assert ledger.waiting == len(TALK)
    assert not closing.done()
    other.let_go()
    record = await closing
    assert record.disposition == "acknowledged"
    assert [one.event for one in impatient.events("call-1")] == [*TALK, *END]
    assert (ledger.trouble, ledger.lost) == ("", 0)
    await ledger.close()


async def test_sqlites_own_patience_suffices_for_a_short_lock(store):
    if store.engine.dialect.name != "sqlite":
        pytest.skip("SQLite's lock")
    store.create_call(CALL)
    ledger = Ledger(store)
    other = Held(store)
    ledger.append("call-1", *TALK)
    flushed = asyncio.create_task(ledger.flush())
    await asyncio.sleep(0.3)
    assert not flushed.done()
    assert ledger.trouble == ""
    other.let_go()
    await flushed
    assert len(store.events("call-1")) == len(TALK)
    await ledger.close()


async def test_no_call_is_begun_without_its_record(impatient):
    ledger = Ledger(impatient)
    other = Held(impatient)
    with pytest.raises(StoreFault, match="locked") as fault:
        await ledger.create_call(replace(CALL, id="call-2"))
    assert not fault.value.permanent
    other.let_go()
    await ledger.close()


async def test_the_bound_and_what_is_said_of_it(impatient):
    ledger = Ledger(impatient, capacity=10, gather_s=60)  # nothing is taken out before the closing asks for it
    other = Held(impatient)
    try:
        for n in range(20):
            ledger.append("call-1", events.HeardPartial(n, "喂"))  # half of the room is theirs
        assert (ledger.waiting, ledger.lost) == (5, 15)
        for n in range(20):
            ledger.append("call-1", events.SilenceNoticed(n))
        assert (ledger.waiting, ledger.lost) == (10, 30)
        ledger.append("call-1", *END[1:])  # what makes the record always goes in
        assert (ledger.waiting, ledger.lost) == (13, 30)
        closing = asyncio.create_task(ledger.close_call("call-1"))
        await until(lambda: ledger.trouble)
    finally:
        other.let_go()
    record = await closing
    assert record.disposition == "acknowledged"
    assert record.fault == "ledger: 30 events lost: the database was away"
    kept = [one.event for one in impatient.events("call-1") if not isinstance(one.event, events.Fault)]
    partials = [events.HeardPartial(n, "喂") for n in range(5)]
    assert kept == [*partials, *(events.SilenceNoticed(n) for n in range(5)), *END[1:]]
    await ledger.close()


async def test_the_fault_of_one_call_is_not_the_loss_of_another(store):
    store.create_call(CALL)
    ledger = Ledger(store)
    ledger.append("call-9", events.Answered(0))  # never created
    ledger.append("call-1", *TALK[:3])
    ledger.append("call-9", events.Answered(1))
    await ledger.flush()
    assert [one.event for one in store.events("call-1")] == list(TALK[:3])
    assert (ledger.lost, ledger.waiting) == (2, 0)
    with pytest.raises(StoreFault, match="no such call: call-9"):
        await ledger.close_call("call-9", *END)
    ledger.append("call-1", TALK[3])
    await ledger.flush()
    assert len(store.events("call-1")) == 4
    await ledger.close()


async def test_a_call_is_closed_though_its_task_was_cancelled(impatient):
    ledger = Ledger(impatient)
    other = Held(impatient)
    closing = asyncio.create_task(ledger.close_call("call-1", *TALK, *END))
    await until(lambda: ledger.trouble)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    other.let_go()
    await ledger.flush()
    assert impatient.call("call-1").state == "closed"
    await ledger.close()


async def test_closing_writes_what_waits(store):
    store.create_call(CALL)
    ledger = Ledger(store, gather_s=60)
    ledger.append("call-1", *TALK)
    began = time.monotonic()
    await ledger.close()
    assert time.monotonic() - began < 30  # it did not gather
    assert len(store.events("call-1")) == len(TALK)
    ledger.append("call-1", events.Answered(0))
    assert ledger.lost == 1
    with pytest.raises(StoreFault, match="the ledger is closed"):
        await ledger.flush()


async def test_closing_in_front_of_a_dead_database_says_what_is_lost(impatient):
    ledger = Ledger(impatient, gather_s=0.01)
    other = Held(impatient)
    ledger.append("call-1", *TALK)
    waiting = asyncio.create_task(ledger.flush())
    await until(lambda: ledger.trouble)
    with pytest.raises(StoreFault, match=f"{len(TALK)} events could not be written within 0.1 s: .*locked"):
        await ledger.close(0.1)
    with pytest.raises(StoreFault, match="locked"):
        await waiting
    await until(lambda: ledger.lost == len(TALK))
    other.let_go()
