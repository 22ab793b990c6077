"""What goes wrong in a crash test, at moments that a seed decides."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, select, text

from tests.campaign.crash.processes import HOST, OTHER, WORKER, Host, kill
from tests.postgres import Postgres
from voicebot.store.campaign_tables import hosts, leases
from voicebot.store.store import Store

# A kind of trouble does its work and says what it did ("" when there was nothing to do it to).
Trouble = Callable[[random.Random], str]


def kill_one(kept: Sequence[Host], role: str) -> Trouble:
    """kill -9 of a random process with this role."""

    def do(chance: random.Random) -> str:
        victims = [(host, victim) for host in kept for victim in host.victims() if victim.role == role]
        if not victims:
            return ""
        host, victim = chance.choice(victims)
        return f"kill -9 {role} of {host.name}" if kill(victim.pid) else ""

    return do


def kill_dispatcher(kept: Sequence[Host], store: Store) -> Trouble:
    """kill -9 of the host that holds the dispatcher's lease."""

    def do(_chance: random.Random) -> str:
        query = select(hosts.c.name, hosts.c.pid).join(leases, leases.c.holder.in_([hosts.c.boot, hosts.c.name]))
        with store.reading() as connection:
            row = connection.execute(query).first()
        mine = {host.pid: host for host in kept if host.pid}
        return "kill -9 dispatcher" if row is not None and row.pid in mine and kill(row.pid) else ""

    return do


def two_dispatchers(store: Store) -> Trouble:
    """The lease is taken away from under its holder, so that another host dispatches beside it for a while."""

    def do(_chance: random.Random) -> str:
        with store.writing() as connection:
            gone = connection.execute(leases.delete()).rowcount
        return "two dispatchers" if gone else ""

    return do


def cut_connections(admin: Engine, database: str) -> Trouble:
    """PostgreSQL ends every session of this database in mid-work."""

    def do(_chance: random.Random) -> str:
        query = text("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = :database")
        with admin.connect() as connection:
            cut = connection.execute(query, {"database": database}).scalar_one()
        return "all sessions cut" if cut else ""

    return do


def restart_server(server: Postgres, away_s: float) -> Trouble:
    """The database server dies as in a crash and is back after a while."""

    def do(_chance: random.Random) -> str:
        server.stop(at_once=True)
        time.sleep(away_s)
        server.start()
        return "server crashed and back"

    return do


@dataclass(frozen=True, slots=True)
class Plan:
    """`kinds`: each with its weight; `moments`: how many; `span`: over the first so many calls of the campaign."""

    kinds: Mapping[Trouble, int]
    moments: int
    span: int
    seed: int


class Troublemaker:
    """Strikes when the campaign has placed so many calls, plus up to a second: so every moment of a call is met, and
    the strikes are spread over the whole campaign however slow the machine is.
    """

    def __init__(self, plan: Plan) -> None:
        self._chance = random.Random(plan.seed)
        self._kinds, self._weights = list(plan.kinds), list(plan.kinds.values())
        self._due = sorted(self._chance.sample(range(1, plan.span), plan.moments))
        self._strike_at: float | None = None
        self.done: Counter[str] = Counter()

    @property
    def over(self) -> bool:
        """Every strike was made."""
        return not self._due

    def look(self, calls: int, now: float) -> None:
        """`calls`: placed so far; `now`: seconds of any clock. Strikes at most once."""
        if self._due and self._strike_at is None and calls >= self._due[0]:
            self._strike_at = now + self._chance.random()
        if self._strike_at is None or now < self._strike_at:
            return
        (kind,) = self._chance.choices(self._kinds, self._weights)
        if done := kind(self._chance):  # else there was no victim just now: again at the next look
            self.done[done.rpartition(" of ")[0] or done] += 1
            self._due.pop(0)
            self._strike_at = None


def kills(kept: Sequence[Host], store: Store) -> dict[Trouble, int]:
    """What can be killed on any database."""
    return {
        kill_one(kept, HOST): 35,
        kill_one(kept, WORKER): 35,
        kill_one(kept, OTHER): 10,
        kill_dispatcher(kept, store): 10,
        two_dispatchers(store): 10,
    }
