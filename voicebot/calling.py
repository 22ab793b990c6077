"""One call from the command line: check, note, hand to a worker, follow its events, give its record."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from ipaddress import ip_address

from sip.uri import SipUri
from voicebot import events
from voicebot.call.session import Order
from voicebot.flow.advance import begin
from voicebot.flow.model import Flow
from voicebot.settings import Settings
from voicebot.store.number import canonical
from voicebot.store.records import CallRecord, NewCall, new_id
from voicebot.store.store import Store
from voicebot.workers import Pool

_FOLLOW_S = 0.1


class Refused(Exception):
    """The call is not placed; the message says why and what to do."""


async def call_once(
    settings: Settings,
    store: Store,
    pool: Pool,
    flow: Flow,
    target: str,
    slots: Mapping[str, str],
    *,
    contact_ref: str = "",
    trial: bool = False,
    follow: Callable[[events.Event], None] = lambda _event: None,
) -> CallRecord:
    """Place one call and wait for its record; `follow` gets every event soon after it is in the database. `trial`: a
    script that is switched off is tried too, on this machine's own telephones only.

    Raises `SlotError` (missing or mistyped slots), `Refused` (on the do-not-call list, or an ear that hears no people),
    `WorkerFault`, all before a dial. Cancelling the task ends the call and still closes its record.
    """
    if trial and not _is_here(target):
        raise Refused(f"{target}: a script is tried on loopback addresses only")
    state = begin(flow, slots, datetime.now(settings.zone), trial=trial)
    if (entry := await asyncio.to_thread(store.do_not_call, target)) is not None:
        raise Refused(f"{target} is on the do-not-call list (勿扰名单) since {entry.since:%Y-%m-%d}: it is not called")
    call_id = new_id()
    seat = pool.reserve(call_id)
    if seat.engines.synthetic_ear and not may_be_called_by_synthetic_ear(settings, target):
        pool.release(call_id)
        raise Refused(
            f"{seat.engines.asr} was trained on synthetic speech only and does not hear people: set VOICEBOT_ASR_MODEL"
            " to a production model, list a test telephone in VOICEBOT_SIP_TEST_NUMBERS, or insist with"
            " VOICEBOT_SYNTHETIC_EAR_FOR=everyone"
        )
    new = NewCall(
        call_id,
        flow.name,
        flow.version,
        target,
        contact_ref=contact_ref,
        contact_slots=dict(state.slots),
        engines=seat.engines,
        worker_pid=seat.worker_pid,
    )
    try:
        await asyncio.to_thread(store.create_call, new)
    except BaseException:
        pool.release(call_id)
        raise
    pool.place(Order(call_id, flow.name, target, dict(state.slots), settings.ring_timeout_s, trial))
    over = asyncio.create_task(pool.wait(call_id))
    seen = 0
    try:
        while True:
            done = over.done()
            for stored in await asyncio.to_thread(store.events, call_id, seen):
                seen = stored.seq
                follow(stored.event)
            if done:
                break
            await asyncio.wait({over}, timeout=_FOLLOW_S)
    except asyncio.CancelledError:
        await pool.cancel(call_id)
        await over
        raise
    return await asyncio.to_thread(store.call, call_id)


def may_be_called_by_synthetic_ear(settings: Settings, target: str) -> bool:
    """Whether a target (a SIP URI) may be dialled with a recogniser that was trained on synthetic speech only."""
    if settings.synthetic_ear_for == "everyone":
        return True
    return _is_here(target) or canonical(target) in map(canonical, settings.sip_test_numbers)


def _is_here(target: str) -> bool:
    host = SipUri.parse(target).host.strip("[]")
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
