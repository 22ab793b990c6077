"""Lines that ring nowhere 空线: what a host places its calls with where no phone shall ring.

A call here is its record, written at once or after a while, as the record of a call over SIP would be. Everything else
of a host is real: admission, queue, fence, settlement. For measuring what dispatch costs, and for its tests.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sip.line import Cause
from voicebot import events
from voicebot.call.session import Order
from voicebot.flow.dispositions import Disposition
from voicebot.store.fault import StoreFault
from voicebot.store.records import Engines
from voicebot.store.store import Store
from voicebot.workers import Seat, WorkerFault

_RETRY_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class Answer:
    """How a call comes out: its disposition, and what SIP says of it. `rang`: a phone rang; `answered`: 200 OK."""

    disposition: Disposition
    cause: Cause = Cause.COMPLETED
    code: int = 200
    rang: bool = True
    answered: bool = True


# What callees do, from the target's last digit: two in five talk, the others in the ways that are dialled again.
_BY_DIGIT: Final = {
    "0": Answer(Disposition.BUSY, Cause.BUSY, 486, rang=False, answered=False),
    "1": Answer(Disposition.NO_ANSWER, Cause.NO_ANSWER, 408, answered=False),
    "2": Answer(Disposition.POWERED_OFF, Cause.NO_ANSWER, 480, answered=False),
    "3": Answer(Disposition.REJECTED, Cause.REJECTED, 603, answered=False),
    "4": Answer(Disposition.EMPTY_NUMBER, Cause.WRONG_NUMBER, 404, rang=False, answered=False),
    "5": Answer(Disposition.VOICEMAIL),
}
_TALKS: Final = Answer(Disposition.ACKNOWLEDGED)
_GIVEN_UP: Final = Answer(Disposition.CANCELLED, Cause.CANCELLED, 487, answered=False)


def by_last_digit(order: Order) -> Answer:
    """A mixture that depends on the number alone."""
    return _BY_DIGIT.get(order.target.partition("@")[0][-1:], _TALKS)


class SilentLines:
    """`channels` lines in this process; a call lasts `lasts_s`. `answer` says how it comes out."""

    def __init__(
        self, store: Store, channels: int, answer: Callable[[Order], Answer] = by_last_digit, *, lasts_s: float = 0.0
    ) -> None:
        self._store = store
        self._channels = channels
        self._answer = answer
        self._lasts_s = lasts_s
        self._held: set[str] = set()
        self._given_up: dict[str, asyncio.Event] = {}
        self._calls: dict[str, asyncio.Task[None]] = {}
        self.placed = 0

    def reserve(self, call_id: str) -> Seat:
        """A channel for a call. Raises `WorkerFault` when none is free."""
        if len(self._held) >= self._channels:
            raise WorkerFault("no free channel")
        self._held.add(call_id)
        return Seat(os.getpid(), Engines())

    def release(self, call_id: str) -> None:
        """The call will not be placed after all."""
        self._held.discard(call_id)

    def place(self, order: Order) -> None:
        """Let the call take its course; its row is in the database."""
        self.placed += 1
        self._given_up[order.call_id] = asyncio.Event()
        self._calls[order.call_id] = asyncio.get_running_loop().create_task(self._hold(order))

    async def wait(self, call_id: str) -> None:
        """Until the call's record is closed."""
        await self._calls.pop(call_id)

    async def cancel(self, call_id: str) -> None:
        """End the call."""
        if call_id in self._given_up:
            self._given_up[call_id].set()

    async def _hold(self, order: Order) -> None:
        try:
            if self._lasts_s:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._given_up[order.call_id].wait(), self._lasts_s)
            given_up = self._given_up[order.call_id].is_set()
            await self._close(order, _GIVEN_UP if given_up else self._answer(order))
        finally:
            del self._given_up[order.call_id]
            self._held.discard(order.call_id)

    async def _close(self, order: Order, answer: Answer) -> None:
        """Write the record, once the database is there."""
        happened = record_of(order, answer)
        while True:
            try:
                await asyncio.to_thread(self._store.close_call, order.call_id, happened)
            except StoreFault as fault:
                if fault.permanent:
                    raise
                await asyncio.sleep(_RETRY_S)
            else:
                return


def record_of(order: Order, answer: Answer) -> list[events.Event]:
    """The events of a call that came out so."""
    happened: list[events.Event] = [events.Dialling(0, order.target)]
    if answer.rang:
        happened.append(events.Ringing(0))
    if answer.answered:
        happened.append(events.Answered(0))
    ended = events.Ended(0, answer.cause, answer.code)
    return [*happened, ended, events.Concluded(0, answer.disposition, "C" if answer.answered else "E")]
