"""The queues of attempts, on DBOS: one a trunk, kept in the database, worked on by every host that has free channels.

DBOS delivers an attempt at least once; that it is dialled at most once is the business of `voicebot.campaign.fence`.
So nothing here has to be exact. What DBOS gives: an order, limits for all hosts together (calls at once, calls per
second), claims that no two hosts make at once, and work that is still there after a crash. How the pinned version
behaves: docs/campaigns.md.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from dbos import DBOS, DBOSConfig, SetWorkflowID
from sqlalchemy import Engine, make_url

from voicebot.campaign.trunks import Trunk
from voicebot.store.engine import open_engine
from voicebot.store.fault import StoreFault

# One for all versions of the program that understand each other's attempts: DBOS hands work to its own version only.
VERSION: Final = "voicebot-1"
_POLL_S: Final = 0.3
_SCHEMA: Final = "dbos"
_NAME: Final = "voicebot"
ATTEMPT: Final = "attempt"

Carry = Callable[[str, int], str]
"""(attempt id, which handing over) → what became of it, in a word. Blocks as long as the call lasts."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the queues are kept: beside the record's file on SQLite, which so has two writers' locks instead of one; in
    a schema of its own on PostgreSQL.
    """

    url: str

    @classmethod
    def of(cls, database_url: str) -> Place:
        """For the database that the settings name."""
        url = make_url(database_url)
        if url.get_backend_name() == "sqlite":
            return cls(f"sqlite:///{url.database}.queue")
        return cls(url.set(drivername="postgresql").render_as_string(hide_password=False))

    def engine(self) -> Engine:
        """An engine of ours: with DBOS' own for SQLite the limits do not hold between processes."""
        return open_engine(self.url)


class Queues:
    """The queues of this process. One a process: DBOS keeps its state in the module."""

    def __init__(
        self, database_url: str, *, host: str, channels: int, trunks: Mapping[str, Trunk], carry: Carry
    ) -> None:
        self._place = Place.of(database_url)
        self._host = host
        self._channels = channels
        self._trunks = trunks
        self._carry = carry
        self._engine: Engine | None = None
        self._attempt: Any = None

    def start(self) -> None:
        """Begin to take attempts. Blocking. Raises `StoreFault`."""
        logging.getLogger("dbos").setLevel(logging.ERROR)
        try:
            DBOS.migrate(self._place.url, schema=_SCHEMA)
            self._engine = self._place.engine()
            config: DBOSConfig = {
                "name": _NAME,
                "system_database_url": self._place.url,
                "system_database_engine": self._engine,
                "dbos_system_schema": _SCHEMA,
                "run_migrations": False,
                "executor_id": self._host,
                "application_version": VERSION,
                "use_listen_notify": False,
                "log_level": "ERROR",
            }
            DBOS(config=config)
            carry = self._carry

            def attempt(attempt_id: str, handed: int) -> str:
                return carry(attempt_id, handed)

            self._attempt = DBOS.workflow(name=ATTEMPT)(attempt)
            DBOS.listen_queues([trunk.queue for trunk in self._trunks.values()])
            DBOS.launch()
            for trunk in self._trunks.values():
                DBOS.register_queue(
                    trunk.queue,
                    worker_concurrency=min(self._channels, trunk.channels),
                    global_concurrency=trunk.channels,
                    limiter={"limit": max(1, math.ceil(trunk.calls_per_second)), "period": 1.0},
                    polling_interval_sec=_POLL_S,
                    on_conflict="always_update",
                )
        except StoreFault:
            raise
        except Exception as error:
            raise StoreFault(f"the queue of attempts cannot be opened: {_line(error)}") from error

    def hand_over(self, attempts: Iterable[tuple[str, str, int]]) -> None:
        """Put attempts (id, trunk, which handing over) into their trunks' queues; those that are there already stay as
        they are. Blocking. Raises `StoreFault`.
        """
        for attempt_id, trunk, handed in attempts:
            try:
                with SetWorkflowID(workflow_id(attempt_id, handed)):
                    DBOS.enqueue_workflow(self._trunks[trunk].queue, self._attempt, attempt_id, handed)
            except Exception as error:
                raise StoreFault(f"attempt {attempt_id} cannot be handed over: {_line(error)}") from error

    def standing(self, attempts: Iterable[tuple[str, int]], alive: frozenset[str]) -> set[str]:
        """Of these attempts (id, which handing over), the ids of those that still wait in a queue or are in the hands
        of a host that is `alive`. Blocking. Raises `StoreFault`.
        """
        ids = {workflow_id(attempt_id, handed): attempt_id for attempt_id, handed in attempts}
        if not ids:
            return set()
        try:
            found = DBOS.list_workflows(
                workflow_ids=list(ids), status=["ENQUEUED", "DELAYED", "PENDING"], load_input=False, load_output=False
            )
        except Exception as error:
            raise StoreFault(f"the queue of attempts cannot be read: {_line(error)}") from error
        return {ids[w.workflow_id] for w in found if w.status != "PENDING" or w.executor_id in alive}

    def drop_dead(self, alive: frozenset[str]) -> int:
        """Cancel what hosts that are no more were working on, so that it holds no channel of a trunk. What it was is
        known from our own tables. Blocking. Raises `StoreFault`.
        """
        try:
            pending = DBOS.list_workflows(status="PENDING", name=ATTEMPT, load_input=False, load_output=False)
            dead = [w.workflow_id for w in pending if w.executor_id not in alive]
            if dead:
                DBOS.cancel_workflows(dead)
        except Exception as error:
            raise StoreFault(f"the queue of attempts cannot be read: {_line(error)}") from error
        return len(dead)

    def forget_done(self, before: datetime, most: int) -> int:
        """Delete at most so many of the attempts that left the queue before then, so that it does not grow with all
        that was ever called: what came of them stands in our own tables. Blocking. Raises `StoreFault`.
        """
        try:
            done = DBOS.list_workflows(
                status=["SUCCESS", "ERROR", "CANCELLED"],
                name=ATTEMPT,
                completed_before=before.isoformat(),
                limit=most,
                load_input=False,
                load_output=False,
            )
            if done:
                DBOS.delete_workflows([w.workflow_id for w in done])
        except Exception as error:
            raise StoreFault(f"the queue of attempts cannot be tidied: {_line(error)}") from error
        return len(done)

    def close(self) -> None:
        """Take no more attempts. Those being carried out are the caller's. Blocking, idempotent."""
        DBOS.destroy(workflow_completion_timeout_sec=0)
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None


def workflow_id(attempt_id: str, handed: int) -> str:
    """The name of a handing over in the queue."""
    return f"attempt:{attempt_id}:{handed}"


def _line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
