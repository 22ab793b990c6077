"""The asyncio side of the record: events are handed over without waiting, one thread writes them in batches.

A database that is away (a lock, a full disk, a server that restarts) is tried again until it is back: calls go on, the
order stays, nothing is lost until the bound. Overflow rule: `capacity` entries may wait. Once half of that waits,
partial transcripts are refused; at the bound everything is, except the few events that make a call's record
(`_ESSENTIAL`). What was refused is counted, and each call it belonged to gets a `Fault` of the part "ledger" that says
how many.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final, TypeVar

from voicebot import events
from voicebot.store.fault import StoreFault
from voicebot.store.records import CallRecord, Lead, NewCall
from voicebot.store.store import Entry, Store

log = logging.getLogger(__name__)
_T = TypeVar("_T")

CAPACITY: Final = 20_000  # entries; four talking calls make about 20 a second, partials included
_BATCH: Final = 500
_GATHER_S: Final = 0.1
_RETRY_S: Final = (0.1, 0.2, 0.5, 1.0, 2.0)  # the last one again and again
_ESSENTIAL: Final = (events.Acted, events.Ended, events.Recorded, events.Concluded, events.Fault)


@dataclass(slots=True)
class _Job:
    """Something that needs everything before it to be written; it goes through or fails like a batch."""

    run: Callable[[], Any]
    done: Future[Any] = field(default_factory=Future)


class Ledger:
    """The writer of one process. `append` from any thread; the coroutines from one event loop.

    May be read at any time, for a health page: `waiting`, entries not yet in the database; `lost`, entries that never
    will be; `trouble`, why the database cannot be written just now, "" while it can.
    """

    def __init__(self, store: Store, *, capacity: int = CAPACITY, gather_s: float = _GATHER_S) -> None:
        """Start the writing thread. `gather_s`: how long an event waits at most for company in its transaction."""
        self.waiting = 0
        self.lost = 0
        self.trouble = ""
        self._store = store
        self._capacity = capacity
        self._gather_s = gather_s
        self._queue: deque[Entry | _Job] = deque()
        self._refused: Counter[str] = Counter()
        self._lock = threading.Condition()
        self._closing = False
        self._give_up = threading.Event()
        self._thread = threading.Thread(target=self._write, name="ledger", daemon=True)
        self._thread.start()

    def append(self, call_id: str, *happened: events.Event) -> None:
        """Hand events over, in order; returns at once. Never raises for the database: see the overflow rule."""
        with self._lock:
            if self._closing:
                self.lost += len(happened)
                log.error("ledger: %d events came after it was closed", len(happened), extra={"call_id": call_id})
                return
            for event in happened:
                if self._has_room_for(event):
                    self._queue.append(Entry(call_id, event))
                    self.waiting += 1
                else:
                    if not self._refused:
                        log.error("ledger: %d events wait, refusing more", self.waiting, extra={"call_id": call_id})
                    self._refused[call_id] += 1
                    self.lost += 1
            self._lock.notify()

    async def create_call(self, call: NewCall) -> None:
        """Note a call before it is dialled. Does not wait for a database that is away: raises `StoreFault`, and then
        the call must not be placed.
        """
        await asyncio.to_thread(self._store.create_call, call)

    async def flush(self) -> None:
        """Wait until everything handed over so far is in the database. Raises `StoreFault` if the ledger was closed
        before it could be.
        """
        await self._after_all(lambda: None)

    async def ask(self, work: Callable[[Store], _T]) -> _T:
        """What `work` gives, behind everything handed over so far; waits for a database that is away. On the ledger's
        thread, so it must be short. Raises `StoreFault`.
        """
        return await self._after_all(lambda: work(self._store))

    async def close_call(self, call_id: str, *happened: events.Event, lead: Lead | None = None) -> CallRecord:
        """`Store.close_call` behind everything handed over so far; waits for a database that is away. Goes through even
        when the waiting task is cancelled. Raises `StoreFault`.
        """
        return await self._after_all(lambda: self._store.close_call(call_id, happened, lead))

    async def close(self, timeout_s: float = 10.0) -> None:
        """Write what waits and end the thread. Idempotent. Raises `StoreFault` that says how much could not be written
        within `timeout_s`.
        """
        with self._lock:
            self._closing = True
            self._lock.notify()
        await asyncio.to_thread(self._thread.join, timeout_s)
        if self._thread.is_alive():
            self._give_up.set()  # a thread within a statement ends with it: SQLite's busy timeout at the latest
            reason = self.trouble or "the database is slow"
            raise StoreFault(f"{self.waiting} events could not be written within {timeout_s:g} s: {reason}")

    # ------------------------------------------------------------ handing over

    def _has_room_for(self, event: events.Event) -> bool:
        if isinstance(event, _ESSENTIAL):
            return True
        return self.waiting < (self._capacity // 2 if isinstance(event, events.HeardPartial) else self._capacity)

    async def _after_all(self, run: Callable[[], _T]) -> _T:
        job = _Job(run)
        with self._lock:
            if self._closing:
                raise StoreFault("the ledger is closed", permanent=True)
            self._queue.append(job)
            self._lock.notify()
        result: _T = await asyncio.shield(asyncio.wrap_future(job.done))
        return result

    # ------------------------------------------------------------ the thread

    def _write(self) -> None:
        while (taken := self._take()) is not None:
            entries, job = taken
            if entries:
                self._save(entries)
                with self._lock:
                    self.waiting -= len(entries)
            if job is not None:
                self._do(job)

    def _take(self) -> tuple[list[Entry], _Job | None] | None:
        """The next batch: entries in order up to the first job, and that job; None at the end."""
        with self._lock:
            self._lock.wait_for(lambda: self._queue or self._closing)
            if not self._queue:
                return None
            self._lock.wait_for(self._in_a_hurry, self._gather_s)  # one event brings others with it
            # Said before what comes next, so that a call cannot be closed without it.
            entries = [
                Entry(call_id, events.Fault(0, "ledger", f"{number} events lost: the database was away"))
                for call_id, number in self._refused.items()
            ]
            self.waiting += len(entries)
            self._refused.clear()
            while self._queue and len(entries) < _BATCH:
                item = self._queue.popleft()
                if isinstance(item, _Job):
                    return entries, item
                entries.append(item)
            return entries, None

    def _in_a_hurry(self) -> bool:
        return self._closing or len(self._queue) >= _BATCH or isinstance(self._queue[-1], _Job)

    def _save(self, entries: Sequence[Entry]) -> None:
        try:
            self._insist(lambda: self._store.append_entries(entries))
        except StoreFault as fault:
            by_call = [list(group) for _, group in groupby(sorted(entries, key=_call), key=_call)]
            if len(by_call) > 1 and not self._give_up.is_set():  # the fault of one call is not the loss of the others
                for group in by_call:
                    self._save(group)
                return
            self.lost += len(entries)
            log.error("ledger: %d events lost: %s", len(entries), fault, extra={"call_id": entries[0].call_id})

    def _do(self, job: _Job) -> None:
        try:
            job.done.set_result(self._insist(job.run))
        except Exception as fault:
            job.done.set_exception(fault)

    def _insist(self, statement: Callable[[], _T]) -> _T:
        """Try until it is done, cannot be done, or the ledger gives up. Raises `StoreFault`."""
        tried = 0
        while True:
            if self._give_up.is_set():
                raise StoreFault(self.trouble or "the ledger was closed before it was written")
            try:
                result = statement()
            except StoreFault as fault:
                if fault.permanent:
                    raise
                if not self.trouble:
                    log.error("ledger: the record cannot be written, trying again: %s", fault)
                self.trouble = str(fault)
                self._give_up.wait(_RETRY_S[min(tried, len(_RETRY_S) - 1)])
                tried += 1
            else:
                if self.trouble:
                    log.warning("ledger: the record can be written again")
                    self.trouble = ""
                return result


def _call(entry: Entry) -> str:
    return entry.call_id
