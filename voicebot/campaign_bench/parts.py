"""The parts of an attempt, timed one by one in one thread: what the database costs, without queue and event loop."""

from __future__ import annotations

import os
import socket
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Final, TypeVar

from voicebot.call.session import Order
from voicebot.campaign import hosts
from voicebot.campaign.admission import admit, attempt_to_hand_over
from voicebot.campaign.fault import CampaignFault
from voicebot.campaign.fence import Fenced, Left, Task, fence, next_dial, task_of
from voicebot.campaign.policy import Policy
from voicebot.campaign.settlement import late, orphans, settle
from voicebot.campaign.silent_lines import by_last_digit, record_of
from voicebot.campaign.trunks import Trunk, target_of
from voicebot.campaign_bench.figures import Parts
from voicebot.campaign_bench.made_up import CHANNELS
from voicebot.flow.model import Flow
from voicebot.store.records import NewCall, new_id
from voicebot.store.store import Store

_T = TypeVar("_T")
_NAME: Final = "bench-parts"
_SWEEPS: Final = 5
_MOST: Final = 200


class _Clock:
    """Wall ms by part."""

    def __init__(self) -> None:
        self.taken: defaultdict[str, list[float]] = defaultdict(list)

    def time(self, part: str, work: Callable[[], _T], share: Callable[[_T], int] = lambda _done: 1) -> _T:
        """Do it; what it took is divided among as many attempts as `share` says."""
        begun = time.perf_counter()
        done = work()
        self.taken[part].append((time.perf_counter() - begun) * 1000 / max(1, share(done)))
        return done

    def median(self, part: str) -> float:
        """Of what the part took."""
        return median(self.taken[part])


def measure(
    store: Store, campaign_id: str, flow: Flow, policy: Policy, trunk: Trunk, *, attempts: int, called: int
) -> Parts:
    """Take at least so many attempts of a running campaign from their admission to their end. Raises `CampaignFault`
    where the campaign has not so many left.
    """
    clock, cpu, done = _Clock(), [], 0
    boot = new_id()
    now = datetime.now(UTC)
    host = hosts.HostRow(_NAME, boot, socket.gethostname(), os.getpid(), CHANNELS, 0, 0.0, now, now, lost=False)
    hosts.register(store, host, alive=False)
    while done < attempts:
        begun = time.process_time()
        admitted = clock.time(
            "admit",
            lambda: admit(store, campaign_id, flow, policy, trunk, datetime.now(UTC), channels=CHANNELS),
            lambda admitted: len(admitted.attempts),
        )
        if not admitted.attempts:
            raise CampaignFault(f"only {done} of {attempts} attempts could be admitted: {dict(admitted.refused)}")
        hosts.heartbeat(store, _NAME, boot, datetime.now(UTC), busy=0, load=0.0)
        for attempt_id in admitted.attempts:
            _carry(store, clock, attempt_id, boot, flow, policy, trunk)
        cpu.append((time.process_time() - begun) * 1000 / len(admitted.attempts))
        done += len(admitted.attempts)
    for _ in range(_SWEEPS):
        clock.time("sweep", lambda: _sweep(store))
    hosts.leave(store, _NAME, boot, datetime.now(UTC))
    parts = {part: clock.median(part) for part in ("admit", "read", "pace", "fence", "record", "settle", "sweep")}
    return Parts(called=called, cpu=median(cpu), **parts)


def _carry(store: Store, clock: _Clock, attempt_id: str, boot: str, flow: Flow, policy: Policy, trunk: Trunk) -> None:
    task = clock.time("read", lambda: task_of(store, attempt_id))
    if isinstance(task, Left):
        raise CampaignFault(f"attempt {attempt_id} was not to be had: {task.why}")
    clock.time("pace", lambda: next_dial(store, trunk, datetime.now(UTC)))
    call = _call(task, flow, trunk)
    verdict = clock.time("fence", lambda: fence(store, task, call, flow, policy, boot=boot, now=datetime.now(UTC)))
    if not isinstance(verdict, Fenced):
        raise CampaignFault(f"attempt {attempt_id} was not fenced: {verdict.why}")
    order = Order(call.id, flow.name, call.target, dict(task.slots))
    record = clock.time("record", lambda: store.close_call(call.id, record_of(order, by_last_digit(order))))
    clock.time("settle", lambda: settle(store, attempt_id, boot, record, policy, datetime.now(UTC)))


def _call(task: Task, flow: Flow, trunk: Trunk) -> NewCall:
    target = target_of(task.number, task.given, trunk)
    return NewCall(new_id(), flow.name, flow.version, target, task.ref, task.slots, worker=_NAME)


def _sweep(store: Store) -> None:
    """What `voicebot.campaign.dispatch.Dispatcher.sweep` asks the tables."""
    orphans(store)
    late(store, _MOST)
    with store.reading() as connection:
        attempt_to_hand_over(connection, datetime.now(UTC) - timedelta(seconds=10), _MOST)
