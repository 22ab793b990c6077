"""A host at work 工作主机: it takes attempts from the queues, fences, dials and settles them, and takes its turn as
dispatcher. `voicebot worker` runs one.

DBOS calls `_carry` on threads of its own; lines and telephone live in the event loop. What blocks on the database runs
in threads, and a database that is away is waited for: calls go on meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from voicebot.call.placing import close_lost
from voicebot.call.session import Order
from voicebot.calling import may_be_called_by_synthetic_ear
from voicebot.campaign import hosts
from voicebot.campaign.admission import all_over
from voicebot.campaign.dispatch import TICK_S, Dispatcher
from voicebot.campaign.durable import Queues
from voicebot.campaign.fault import CampaignFault
from voicebot.campaign.fence import Left, Task, fence, handed_again, next_dial, put_back, task_of
from voicebot.campaign.gates import Refusal
from voicebot.campaign.hosts import HEARTBEAT_S, HostRow
from voicebot.campaign.lines import Lines
from voicebot.campaign.settlement import settle, undo, unfollowed
from voicebot.campaign.shelf import CurrentPolicy, Shelf
from voicebot.campaign.trunks import target_of, trunks_of
from voicebot.flow.advance import begin
from voicebot.flow.problems import SlotError
from voicebot.settings import Settings
from voicebot.store.fault import StoreFault
from voicebot.store.records import NewCall, new_id
from voicebot.store.store import Store
from voicebot.workers import Seat, WorkerFault

log = logging.getLogger(__name__)
_T = TypeVar("_T")

# An order that reached its worker later than this after the fence is not dialled any more: before anybody may call the
# attempt unknown (`hosts.LOST_AFTER`), its INVITE has left or never will.
DIAL_WITHIN_S: Final = 15.0
# Tells an SBC, and whoever counts INVITEs, which attempt a call belongs to.
ATTEMPT_HEADER: Final = "X-Voicebot-Attempt"
_CHANNEL_WAIT_S: Final = 10.0
_CHANNEL_POLL_S: Final = 0.2
_PATIENCE_S: Final = 60.0
_MENDED_WITHIN: Final = timedelta(minutes=10)
_RETRY_S: Final = (0.2, 0.5, 1.0, 2.0)


def host_name(settings: Settings) -> str:
    """The name of this host: the same after every start, different on every machine."""
    return settings.host_name or socket.gethostname()[:64]


class Host:
    """One a process. `run` until `stop` is set or, `until_done`, until no campaign has anything left to do."""

    def __init__(self, settings: Settings, store: Store, lines: Lines, channels: int) -> None:
        self.name = host_name(settings)
        self._settings = settings
        self._store = store
        self._lines = lines
        self._channels = channels
        self._boot = new_id()
        self._trunks = trunks_of(settings)
        self._shelf = Shelf(settings.flows_dir)
        self._queues = Queues(
            settings.database_url, host=self.name, channels=channels, trunks=self._trunks, carry=self._carry
        )
        self._policy = CurrentPolicy(settings.policy_file)
        self._dispatcher = Dispatcher(
            store, self._queues, self._shelf, self._policy, self._trunks, f"{self.name}/{self._boot}"
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._calls: dict[str, str] = {}  # call → attempt
        self._draining = False
        self._idle = asyncio.Event()
        self._idle.set()

    async def run(self, stop: asyncio.Event, *, until_done: bool = False, drain_s: float = 60.0) -> None:
        """Work. On `stop` it takes nothing new and lets calls end, for `drain_s` at most; the rest is hung up.

        Raises `CampaignFault` while another process works under this host's name, `StoreFault` when the database cannot
        be opened at the start.
        """
        self._loop = asyncio.get_running_loop()
        await asyncio.to_thread(self._register)
        await asyncio.to_thread(self._queues.start)
        over = asyncio.Event()
        beats = asyncio.create_task(self._beat())
        buries = asyncio.create_task(self._bury(datetime.now(UTC)))
        rounds = asyncio.create_task(self._dispatch(over if until_done else None))
        try:
            waits = {asyncio.create_task(stop.wait()), asyncio.create_task(over.wait()), beats, rounds}
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for task in done & {beats, rounds}:
                task.result()  # neither ends by itself but with a fault
            for task in waits - {beats, rounds}:
                task.cancel()
        finally:
            self._draining = True
            rounds.cancel()
            await asyncio.gather(rounds, return_exceptions=True)
            await self._drain(drain_s)
            for task in (beats, buries):
                task.cancel()
            await asyncio.gather(beats, buries, return_exceptions=True)
            await asyncio.to_thread(self._end)

    # ------------------------------------------------------------ one attempt

    def _carry(self, attempt_id: str, handed: int) -> str:
        """On a thread of DBOS: carry an attempt out, and say in a word what became of it."""
        if self._draining or self._loop is None:
            return "left: the host is ending"
        try:
            return asyncio.run_coroutine_threadsafe(self._attempt(attempt_id, handed), self._loop).result()
        except CancelledError:
            return "left: the host has ended"

    async def _attempt(self, attempt_id: str, handed: int) -> str:
        task = await self._insist(lambda: task_of(self._store, attempt_id))
        return task.why if isinstance(task, Left) else await self._carry_out(task, handed)

    async def _carry_out(self, task: Task, handed: int) -> str:
        call_id = new_id()
        try:
            seat = await self._seat(call_id)
            if seat is None:
                await self._again(task, handed)
                return "left: no free channel"
            placed = await self._dial(task, call_id, seat)
        except StoreFault as fault:
            # Still queued: the dispatcher finds that nobody has it, and hands it over again.
            log.error("attempt %s is left: %s", task.attempt_id, fault)
            placed = Left("the database refused")
        except BaseException:
            self._forget(call_id)
            self._lines.release(call_id)
            raise
        if isinstance(placed, Left):
            self._forget(call_id)
            self._lines.release(call_id)
            if placed.again:
                await self._again(task, handed)
            return f"left: {placed.why}"
        return await self._follow(task, call_id, placed)

    async def _seat(self, call_id: str) -> Seat | None:
        """A channel kept free for the call, None when there is none for a while."""
        deadline = time.monotonic() + _CHANNEL_WAIT_S
        while not self._draining and time.monotonic() < deadline:
            try:
                return self._lines.reserve(call_id)
            except WorkerFault:  # one is being replaced, or another host has fewer channels than the queue believes
                await asyncio.sleep(_CHANNEL_POLL_S)
        return None

    async def _again(self, task: Task, handed: int) -> None:
        """Back to the queue, for any host."""
        now = datetime.now(UTC)
        again = await self._insist(lambda: handed_again(self._store, task.attempt_id, handed, now))
        if again is not None:
            await self._insist(lambda: self._queues.hand_over([(task.attempt_id, task.trunk, again)]))

    async def _dial(self, task: Task, call_id: str, seat: Seat) -> str | Left:
        """Fence the attempt and hand its call to a worker: the boot it was fenced with; or why it was not dialled."""
        trunk = self._trunks.get(task.trunk)
        if trunk is None:
            return Left("its trunk is not one of this host's")
        try:
            flow = await asyncio.to_thread(self._shelf.flow, task.flow)
        except CampaignFault as fault:  # here; another host may have it whole
            log.error("attempt %s is left: %s", task.attempt_id, fault)
            return Left("its script cannot be read on this host")
        try:
            target = target_of(task.number, task.given, trunk)
        except CampaignFault as fault:
            return await self._put_back(task, self._ours("cannot_be_dialled", str(fault)))
        if seat.engines.synthetic_ear and not may_be_called_by_synthetic_ear(self._settings, target):
            why = f"{seat.engines.asr} was trained on synthetic speech only and does not hear people"
            return await self._put_back(task, self._ours("synthetic_ear", why))
        at = await self._insist(lambda: next_dial(self._store, trunk, datetime.now(UTC)))
        await asyncio.sleep(max(0.0, (at - datetime.now(UTC)).total_seconds()))
        if self._draining:
            return Left("the host is ending")
        try:  # a deadline that lay ahead at the import may have passed by now
            begin(flow, task.slots, datetime.now(self._settings.zone))
        except SlotError as fault:
            return await self._put_back(task, Refusal("slots", {"why": str(fault)}))
        call = NewCall(
            call_id,
            flow.name,
            flow.version,
            target,
            contact_ref=task.ref,
            contact_slots=task.slots,
            engines=seat.engines,
            worker=self.name,
            worker_pid=seat.worker_pid,
        )
        boot = self._boot
        dial_before = time.monotonic() + DIAL_WITHIN_S
        self._calls[call_id] = task.attempt_id
        self._idle.clear()
        try:
            verdict = await asyncio.to_thread(
                lambda: fence(self._store, task, call, flow, self._policy(), boot=boot, now=datetime.now(UTC))
            )
        except StoreFault as fault:
            # It may have gone through: nothing was dialled, and the database is told so when it is back.
            log.error("attempt %s: the fence failed: %s", task.attempt_id, fault)
            return await self._undo(task, boot, call_id, f"the fence failed: {fault}")
        if isinstance(verdict, Left):
            return verdict
        if self._draining:  # told to end while it was fenced: nobody would be there to follow the call
            return await self._undo(task, boot, call_id, "the host is ending")
        self._lines.place(
            Order(
                call_id,
                flow.name,
                target,
                dict(task.slots),
                min(float(task.ring_s), self._settings.ring_timeout_s),
                flow_version=flow.version,
                dial_before=dial_before,
                headers={ATTEMPT_HEADER: task.attempt_id},
            )
        )
        return boot

    def _ours(self, rule: str, why: str) -> Refusal:
        """What keeps a call from being placed lies with the installation: its contact waits until that is mended."""
        log.error("calls are not placed (%s): %s", rule, why)
        return Refusal(rule, {"why": why}, datetime.now(UTC) + _MENDED_WITHIN)

    async def _put_back(self, task: Task, refusal: Refusal) -> Left:
        return await self._insist(lambda: put_back(self._store, task.attempt_id, refusal, datetime.now(UTC)))

    async def _undo(self, task: Task, boot: str, call_id: str, why: str) -> Left:
        """Nothing was dialled, whatever the fence says."""
        work = (self._store, task.attempt_id, boot, call_id, why, self._policy())
        if await self._insist(lambda: undo(*work, datetime.now(UTC)), for_ever=True):
            folder = self._settings.recordings_dir
            await self._insist(lambda: close_lost(self._store, folder, call_id, why), for_ever=True)
        return Left(why)

    async def _follow(self, task: Task, call_id: str, boot: str) -> str:
        """Wait for the call's record and settle the attempt by it, however long the database is away."""
        try:
            await self._lines.wait(call_id)
            record = await self._insist(lambda: self._store.call(call_id), for_ever=True)
            disposition = await self._insist(
                lambda: settle(self._store, task.attempt_id, boot, record, self._policy(), datetime.now(UTC)),
                for_ever=True,
            )
        finally:
            self._forget(call_id)
        return disposition or "settled already"

    def _forget(self, call_id: str) -> None:
        self._calls.pop(call_id, None)
        if not self._calls:
            self._idle.set()

    # ------------------------------------------------------------ the host itself

    def _register(self) -> None:
        now = datetime.now(UTC)
        row = HostRow(
            self.name, self._boot, socket.gethostname(), os.getpid(), self._channels, 0, 0.0, now, now, lost=False
        )
        hosts.register(self._store, row, alive=hosts.runs_here(self._store, self.name))

    async def _beat(self) -> None:
        """Say every few seconds that the host lives. Given up meanwhile, it registers anew, as another run."""
        while True:
            try:
                if not await asyncio.to_thread(self._say_alive):
                    log.error("host %s was given up while it was cut off; it registers anew", self.name)
                    self._boot = new_id()
                    await asyncio.to_thread(self._register)
            except StoreFault as fault:
                if fault.permanent:
                    raise
                log.error("host %s cannot say that it lives: %s", self.name, fault)
            await asyncio.sleep(HEARTBEAT_S)

    def _say_alive(self) -> bool:
        busy, load = len(self._calls), os.getloadavg()[0]
        return hosts.heartbeat(self._store, self.name, self._boot, datetime.now(UTC), busy=busy, load=load)

    async def _bury(self, started_at: datetime) -> None:
        """Bring to an end what nobody follows: calls that an earlier run of this host left open, and attempts of this
        run that are dialling with nobody behind them.
        """
        patience = time.monotonic() + _PATIENCE_S
        earlier = True
        while True:
            try:
                earlier = earlier and await self._close_earlier(started_at, patient=time.monotonic() < patience)
                await self._settle_unfollowed()
            except StoreFault as fault:
                log.error("what nobody follows cannot be closed yet: %s", fault)
            await asyncio.sleep(HEARTBEAT_S)

    async def _close_earlier(self, started_at: datetime, *, patient: bool) -> bool:
        """Close the records that an earlier run left, once the processes that held the calls are gone: they hang up and
        close them themselves when they can. Whether any may be left.
        """
        open_ = await asyncio.to_thread(lambda: self._store.open_calls(worker=self.name))
        left = False
        for call_id in open_:
            record = await asyncio.to_thread(self._store.call, call_id)
            if record.created_at >= started_at or call_id in self._calls:
                continue
            left = True
            if not patient or not hosts.runs(record.worker_pid):
                await self._close_lost(call_id, f"host {self.name} ended without closing it")
        return left

    async def _settle_unfollowed(self) -> None:
        before = datetime.now(UTC) - timedelta(seconds=_PATIENCE_S)
        boot = self._boot
        for attempt_id, call_id in await asyncio.to_thread(unfollowed, self._store, self.name, boot, before):
            if call_id in self._calls:
                continue
            record = await asyncio.to_thread(self._store.call, call_id)
            if record.state == "queued":  # it was too late to dial it long ago
                await self._close_lost(call_id, "nobody had it dialled")
                record = await asyncio.to_thread(self._store.call, call_id)
            now = datetime.now(UTC)
            await asyncio.to_thread(settle, self._store, attempt_id, boot, record, self._policy(), now)

    async def _close_lost(self, call_id: str, why: str) -> None:
        log.error("call_id=%s is closed: %s", call_id, why)
        await asyncio.to_thread(close_lost, self._store, self._settings.recordings_dir, call_id, why)

    async def _dispatch(self, over: asyncio.Event | None) -> None:
        while True:
            try:
                mine = await asyncio.to_thread(self._dispatcher.tick, datetime.now(UTC))
                if over is not None and mine and not self._calls and await asyncio.to_thread(all_over, self._store):
                    over.set()
            except StoreFault as fault:
                if fault.permanent:
                    raise
                log.error("nothing is dispatched: %s", fault)
            await asyncio.sleep(TICK_S)

    async def _drain(self, drain_s: float) -> None:
        """Let calls end; those that do not are hung up, and end so."""
        try:
            await asyncio.wait_for(self._idle.wait(), drain_s)
        except TimeoutError:
            await asyncio.gather(*(self._lines.cancel(call_id) for call_id in list(self._calls)))
            try:
                await asyncio.wait_for(self._idle.wait(), 30)
            except TimeoutError:
                log.error("host %s ends with %d calls unsettled", self.name, len(self._calls))

    def _end(self) -> None:
        self._queues.close()
        try:
            self._dispatcher.give_up(datetime.now(UTC))
            hosts.leave(self._store, self.name, self._boot, datetime.now(UTC))
        except StoreFault as fault:
            log.error("host %s ends without saying so: %s", self.name, fault)

    async def _insist(self, work: Callable[[], _T], *, for_ever: bool = False) -> _T:
        """Do it in a thread; a database that is away is tried again, a few times or for ever. Raises `StoreFault`."""
        tried = 0
        while True:
            try:
                return await asyncio.to_thread(work)
            except StoreFault as fault:
                if fault.permanent or (not for_ever and tried >= len(_RETRY_S)):
                    raise
                await asyncio.sleep(_RETRY_S[min(tried, len(_RETRY_S) - 1)])
                tried += 1
