"""Worker processes: each holds one SIP endpoint and at most four calls; the parent replaces one that dies.

The parent gives orders through a pipe and learns that a call is over; everything else about a call goes through the
database. When a worker dies in mid-call the parent closes the records it left as `fault`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import multiprocessing
import signal
from collections.abc import Coroutine
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

from voicebot.call.placing import close_lost, place
from voicebot.call.session import Order, Session
from voicebot.logs import start_logging
from voicebot.robot import Robot, load_flow
from voicebot.settings import Settings
from voicebot.store.fault import StoreFault
from voicebot.store.records import Engines as EngineNames
from voicebot.store.store import Store

log = logging.getLogger(__name__)
_RETRY_S = 2


class WorkerFault(Exception):
    """No worker can take calls. `permanent`: starting another one cannot help."""

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent


@dataclass(frozen=True, slots=True)
class Place:
    """Parent to worker: make this call (its row is in the database)."""

    order: Order


@dataclass(frozen=True, slots=True)
class Cancel:
    """Parent to worker: end this call."""

    call_id: str


@dataclass(frozen=True, slots=True)
class Stop:
    """Parent to worker: hang up, free everything, leave."""


@dataclass(frozen=True, slots=True)
class Ready:
    """Worker to parent: orders are welcome."""

    uri: str
    channels: int
    engines: EngineNames


@dataclass(frozen=True, slots=True)
class Done:
    """Worker to parent: this call's record is closed."""

    call_id: str


@dataclass(frozen=True, slots=True)
class Unable:
    """Worker to parent: could not start; it leaves."""

    reason: str


# ---------------------------------------------------------------- in the worker


def run_worker(settings: Settings, pipe: Connection) -> None:
    """A worker process' whole life."""
    # Ctrl-C reaches the whole process group; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    start_logging(settings.log_level)
    with contextlib.suppress(BrokenPipeError):
        asyncio.run(_work(settings, pipe))


async def _work(settings: Settings, pipe: Connection) -> None:
    try:
        robot = await Robot.open(settings)
    except Exception as fault:
        log.debug("worker could not start", exc_info=True)
        pipe.send(Unable(str(fault)))
        return
    loop = asyncio.get_running_loop()
    orders: asyncio.Queue[Place | Cancel | Stop] = asyncio.Queue()

    def read() -> None:
        try:
            while pipe.poll():
                orders.put_nowait(pipe.recv())
        except (EOFError, OSError):  # the parent is gone: calls end properly, then we leave
            loop.remove_reader(pipe.fileno())
            orders.put_nowait(Stop())

    loop.add_reader(pipe.fileno(), read)
    sessions: dict[str, Session] = {}
    calls: set[asyncio.Task[None]] = set()
    coming: dict[str, bool] = {}  # calls whose script is being read → whether they were cancelled meanwhile

    async def hold(order: Order) -> None:
        try:
            # In a thread: a script with many recordings takes its time, and other calls go on.
            flow = await asyncio.to_thread(load_flow, settings, order.flow)
            folder, zone = settings.recordings_dir, settings.zone
            placing = asyncio.create_task(place(order, flow, robot.engines, robot.ledger, folder, zone, sessions))
            await asyncio.sleep(0)  # it takes its place in `sessions`
            if coming.pop(order.call_id) and order.call_id in sessions:
                await sessions[order.call_id].cancel()
            await placing
        except Exception as fault:  # a bug of ours ends one call, not four
            coming.pop(order.call_id, None)
            log.exception("call_id=%s failed", order.call_id)
            folder, why = settings.recordings_dir, str(fault)
            await robot.ledger.ask(lambda store: close_lost(store, folder, order.call_id, why))
        pipe.send(Done(order.call_id))

    pipe.send(Ready(robot.trunk.uri, robot.trunk.channels, robot.names))
    while True:
        match await orders.get():
            case Place(order):
                coming[order.call_id] = False
                task = asyncio.create_task(hold(order))
                calls.add(task)
                task.add_done_callback(calls.discard)
            case Cancel(call_id):
                if call_id in coming:
                    coming[call_id] = True
                elif call_id in sessions:
                    await sessions[call_id].cancel()
            case Stop():
                break
    coming.update(dict.fromkeys(coming, True))
    await asyncio.gather(*(session.cancel() for session in list(sessions.values())))
    with contextlib.suppress(BrokenPipeError):
        await asyncio.gather(*calls)
    await robot.close()


# ---------------------------------------------------------------- in the parent


@dataclass(frozen=True, slots=True)
class Seat:
    """A channel kept free for one call: the worker's process id and the engines it will be held with."""

    worker_pid: int
    engines: EngineNames


@dataclass(slots=True)
class _Worker:
    process: multiprocessing.process.BaseProcess
    pipe: Connection
    ready: asyncio.Future[Ready]
    calls: set[str] = field(default_factory=set)
    stopping: bool = False
    gone: bool = False  # its process has ended; what it held is being closed


class Pool:
    """As many workers as asked for, kept alive. One pool a parent process; everything in one event loop."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._context = multiprocessing.get_context("forkserver")
        # Modules are imported once, in the server that forks the workers: a replacement starts quickly.
        self._context.set_forkserver_preload(["voicebot.workers"])
        self._workers: list[_Worker] = []
        self._over: dict[str, asyncio.Event] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._started = False
        self._closed = False

    async def start(self, count: int) -> None:
        """Start `count` workers and wait until they are ready. Raises `WorkerFault` with the first one's reason."""
        for _ in range(count):
            self._workers.append(self._spawn())
        try:
            await asyncio.gather(*(worker.ready for worker in self._workers))
        except WorkerFault:
            await self.close()
            raise
        self._started = True

    @property
    def pids(self) -> list[int]:
        """The workers' process ids."""
        return [w.process.pid for w in self._workers if w.process.pid is not None]

    def pid_of(self, call_id: str) -> int | None:
        """The process that holds this call."""
        return next((w.process.pid for w in self._workers if call_id in w.calls), None)

    async def settled(self) -> None:
        """Wait until every worker, replacements too, can take calls."""
        # Replacements change the list, so no one event stands for all of them.
        while any(not w.ready.done() or not w.process.is_alive() for w in self._workers):  # noqa: ASYNC110
            await asyncio.sleep(0.05)

    def reserve(self, call_id: str) -> Seat:
        """A channel for a call, in the worker that has the most free. Raises `WorkerFault` when none has any."""
        willing = [w for w in self._workers if not w.stopping and not w.gone]
        ready = [w for w in willing if w.ready.done() and not w.ready.exception()]
        free = [w for w in ready if len(w.calls) < w.ready.result().channels]
        if not free:
            raise WorkerFault("no free channel: start more workers (VOICEBOT_WORKERS) or wait for a call to end")
        worker = min(free, key=lambda w: len(w.calls))
        worker.calls.add(call_id)
        self._over[call_id] = asyncio.Event()
        return Seat(worker.process.pid or 0, worker.ready.result().engines)

    def release(self, call_id: str) -> None:
        """The call will not be placed after all."""
        for worker in self._workers:
            worker.calls.discard(call_id)
        self._over.pop(call_id, None)

    def place(self, order: Order) -> None:
        """Hand the order of a reserved call to its worker. If that died meanwhile, the record is closed as `fault`."""
        worker = next((w for w in self._workers if order.call_id in w.calls), None)
        if worker is None:  # buried before there was a record to close
            self._later(self._close_lost(order.call_id, "worker process died before it had the order"))
            return
        with contextlib.suppress(OSError):  # its end is noticed by `_read`, which closes the record
            worker.pipe.send(Place(order))

    async def cancel(self, call_id: str) -> None:
        """End a call in whatever state it is."""
        for worker in self._workers:
            if call_id in worker.calls:
                with contextlib.suppress(OSError):  # it has just ended, and its calls with it
                    worker.pipe.send(Cancel(call_id))

    async def wait(self, call_id: str) -> None:
        """Until the call's record is closed."""
        await self._over[call_id].wait()

    async def close(self) -> None:
        """Hang up all calls, close their records, end the workers. Idempotent."""
        self._closed = True
        for worker in self._workers:
            worker.stopping = True
            with contextlib.suppress(OSError):
                worker.pipe.send(Stop())
        for worker in self._workers:
            await asyncio.to_thread(worker.process.join, 15)
            if worker.process.is_alive():
                log.warning("worker %s did not leave in 15 s: killed", worker.process.pid)
                worker.process.kill()
                await asyncio.to_thread(worker.process.join)
        if self._tasks:
            await asyncio.gather(*self._tasks)
        self._workers.clear()

    def _spawn(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=run_worker, args=(self._settings, theirs), name="voicebot-worker")
        process.start()
        theirs.close()
        loop = asyncio.get_running_loop()
        worker = _Worker(process, ours, loop.create_future())
        loop.add_reader(ours.fileno(), self._read, worker)
        return worker

    def _read(self, worker: _Worker) -> None:
        try:
            while worker.pipe.poll():
                self._take(worker, worker.pipe.recv())
        except (EOFError, OSError):
            asyncio.get_running_loop().remove_reader(worker.pipe.fileno())
            worker.pipe.close()
            worker.gone = True
            self._later(self._bury(worker))

    def _take(self, worker: _Worker, message: Ready | Done | Unable) -> None:
        match message:
            case Ready():
                worker.ready.set_result(message)
            case Done(call_id):
                worker.calls.discard(call_id)
                self._over[call_id].set()
            case Unable(reason):
                worker.ready.set_exception(WorkerFault(reason, permanent=True))

    async def _bury(self, worker: _Worker) -> None:
        """A worker's pipe closed: close what it left, and put another in its place unless it was meant to go."""
        await asyncio.to_thread(worker.process.join)
        code = worker.process.exitcode
        lost, worker.calls = worker.calls, set()
        for call_id in lost:
            log.error("call_id=%s worker died (exit code %s)", call_id, code)
            await self._close_lost(call_id, f"worker process died (exit code {code})")
        if not worker.ready.done():
            worker.ready.set_exception(WorkerFault(f"worker process died while starting (exit code {code})"))
        if worker.ready.exception() is not None:
            if not self._started:
                return  # `start` tells its caller
            log.error("replacement worker could not start: %s; next try in %d s", worker.ready.exception(), _RETRY_S)
            await asyncio.sleep(_RETRY_S)
        if worker in self._workers and not self._closed:
            self._workers[self._workers.index(worker)] = self._spawn()

    async def _close_lost(self, call_id: str, reason: str) -> None:
        """Close the record of a call that no worker holds. One that has no record yet was only reserved: `place` or
        `release` follows. A database that is away is waited for, as the ledger of a worker would.
        """
        while True:
            try:
                await asyncio.to_thread(close_lost, self._store, self._settings.recordings_dir, call_id, reason)
            except StoreFault as fault:
                if fault.permanent:
                    log.warning("call_id=%s cannot be closed: %s", call_id, fault)
                    return
                log.error("call_id=%s cannot be closed yet: %s", call_id, fault)
                await asyncio.sleep(_RETRY_S)
            else:
                break
        if (over := self._over.get(call_id)) is not None:
            over.set()

    def _later(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
