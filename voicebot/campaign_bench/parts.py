"""The parts of an attempt, timed one by one in one thread: what the database costs, without queue and event loop.

Disk and processor are shared with others, so two campaigns are compared by turns, never one after the other.
"""

from __future__ import annotations

import os
import socket
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
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
from voicebot.flow.model import Flow
from voicebot.store.records import NewCall, new_id
from voicebot.store.store import Store

_T = TypeVar("_T")
_NAME: Final = "bench-parts"
# Attempts of a turn.
_BATCH: Final = 10
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


class Subject:
    """A running campaign whose attempts are taken from admission to settlement."""

    def __init__(self, store: Store, campaign_id: str, flow: Flow, policy: Policy, trunk: Trunk) -> None:
        self._store = store
        self._campaign_id = campaign_id
        self._flow = flow
        self._policy = policy
        self._trunk = trunk
        self._clock = _Clock()
        self._cpu: list[float] = []
        self._boot = new_id()
        now = datetime.now(UTC)
        host = hosts.HostRow(_NAME, self._boot, socket.gethostname(), os.getpid(), _BATCH, 0, 0.0, now, now, lost=False)
        hosts.register(store, host, alive=False)

    def take(self) -> int:
        """Admit a few, carry them out, and look once for what crashes left; says how many. Raises `CampaignFault` where
        the campaign has none left.
        """
        hosts.heartbeat(self._store, _NAME, self._boot, datetime.now(UTC), busy=0, load=0.0)
        begun = time.process_time()
        # Twice as many as there are channels are kept ahead.
        channels = _BATCH // 2
        admitted = self._clock.time(
            "admit",
            lambda: admit(
                self._store,
                self._campaign_id,
                self._flow,
                self._policy,
                self._trunk,
                datetime.now(UTC),
                channels=channels,
            ),
            lambda admitted: len(admitted.attempts),
        )
        if not admitted.attempts:
            raise CampaignFault(f"no attempt could be admitted any more: {dict(admitted.refused)}")
        for attempt_id in admitted.attempts:
            self._carry(attempt_id)
        self._cpu.append((time.process_time() - begun) * 1000 / len(admitted.attempts))
        self._clock.time("sweep", lambda: _sweep(self._store))
        return len(admitted.attempts)

    def found(self, *, called: int) -> Parts:
        """What was measured. Its host is no more."""
        hosts.leave(self._store, _NAME, self._boot, datetime.now(UTC))
        names = ("admit", "read", "pace", "fence", "record", "settle", "sweep")
        return Parts(called=called, cpu=median(self._cpu), **{name: self._clock.median(name) for name in names})

    def _carry(self, attempt_id: str) -> None:
        store, clock = self._store, self._clock
        task = clock.time("read", lambda: task_of(store, attempt_id))
        if isinstance(task, Left):
            raise CampaignFault(f"attempt {attempt_id} was not to be had: {task.why}")
        clock.time("pace", lambda: next_dial(store, self._trunk, datetime.now(UTC)))
        call = self._call(task)
        verdict = clock.time(
            "fence",
            lambda: fence(store, task, call, self._flow, self._policy, boot=self._boot, now=datetime.now(UTC)),
        )
        if not isinstance(verdict, Fenced):
            raise CampaignFault(f"attempt {attempt_id} was not fenced: {verdict.why}")
        order = Order(call.id, call.flow, call.target, dict(task.slots))
        record = clock.time("record", lambda: store.close_call(call.id, record_of(order, by_last_digit(order))))
        clock.time("settle", lambda: settle(store, attempt_id, self._boot, record, self._policy, datetime.now(UTC)))

    def _call(self, task: Task) -> NewCall:
        target = target_of(task.number, task.given, self._trunk)
        return NewCall(new_id(), self._flow.name, self._flow.version, target, task.ref, task.slots, worker=_NAME)


def take_in_turn(subjects: Sequence[Subject], attempts: int) -> None:
    """At least so many attempts of each, a few at a time: whatever else the machine does meanwhile, it does to all."""
    done = [0] * len(subjects)
    while min(done) < attempts:
        for n, subject in enumerate(subjects):
            done[n] += subject.take()


def _sweep(store: Store) -> None:
    """What `voicebot.campaign.dispatch.Dispatcher.sweep` asks the tables."""
    orphans(store)
    late(store, _MOST)
    with store.reading() as connection:
        attempt_to_hand_over(connection, datetime.now(UTC) - timedelta(seconds=10), _MOST)
