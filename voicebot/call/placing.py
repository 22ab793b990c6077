"""A call with its record: the session runs, the recording and the outcome are kept, whatever happens."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import MutableMapping
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from voicebot import events
from voicebot.call.session import Engines, Order, Session
from voicebot.flow.model import Flow
from voicebot.leads.judging import judge
from voicebot.store.ledger import Ledger
from voicebot.store.recording import Recording, find, repair
from voicebot.store.records import CallRecord
from voicebot.store.store import Store

log = logging.getLogger(__name__)


async def place(
    order: Order,
    flow: Flow,
    engines: Engines,
    ledger: Ledger,
    recordings_dir: Path,
    zone: ZoneInfo,
    sessions: MutableMapping[str, Session],
) -> CallRecord:
    """Make the call that `order` describes (its row is in the store) and give its closed record.

    While it runs it stands in `sessions`, so that others can cancel it. Raises `StoreFault` if the record could not be
    closed; everything a call can meet ends in the record.
    """
    now = datetime.now(zone)
    tape = Recording(recordings_dir, order.call_id, now.date())
    session = Session(order, flow, engines, tape, lambda event: ledger.append(order.call_id, event), now)
    sessions[order.call_id] = session
    try:
        outcome = await session.run()
    finally:
        del sessions[order.call_id]
        file = await asyncio.to_thread(tape.finish)
    at_ms = file.duration_ms
    recorded = events.Recorded(at_ms, file.path, file.sha256, file.duration_ms, file.problem)
    # By the ledger: a database that goes away between the last event and here must not cost the call its record.
    stored, so_far = await ledger.ask(lambda store: (store.events(order.call_id), store.call(order.call_id)))
    happened = [one.event for one in stored]
    judged = judge(so_far, happened, outcome.disposition, zone=zone)
    concluded = events.Concluded(at_ms, outcome.disposition, judged.grade, tuple(outcome.response_ms))
    return await ledger.close_call(order.call_id, recorded, concluded, lead=judged.lead)


def close_lost(store: Store, recordings_dir: Path, call_id: str, reason: str) -> CallRecord:
    """Close the record of a call whose worker is gone: its recording is made whole, its turns come from its events, a
    client who asked for something is not forgotten. Blocking; for the process that outlived the worker. Raises
    `StoreFault`.
    """
    path = find(recordings_dir, call_id)
    recording = None
    if path is not None:
        file = repair(recordings_dir, path)
        recording = events.Recorded(file.duration_ms, file.path, file.sha256, file.duration_ms, file.problem)
    return store.close_as_fault(call_id, reason, recording=recording, judge=judge)
