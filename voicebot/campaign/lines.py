"""What a host places calls with."""

from __future__ import annotations

from typing import Protocol

from voicebot.call.session import Order
from voicebot.workers import Seat


class Lines(Protocol):
    """What places calls: `voicebot.workers.Pool`, or a stand-in where no phone shall ring."""

    def reserve(self, call_id: str) -> Seat:
        """A channel for a call. Raises `WorkerFault` when none is free."""

    def release(self, call_id: str) -> None:
        """The call will not be placed after all."""

    def place(self, order: Order) -> None:
        """Make the call; its row is in the database."""

    async def wait(self, call_id: str) -> None:
        """Until the call's record is closed."""

    async def cancel(self, call_id: str) -> None:
        """End the call."""
