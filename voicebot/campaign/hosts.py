"""Hosts 工作主机 that place calls, and the lease of the one that dispatches.

A host writes down every few seconds that it lives. One that was silent for `LOST_AFTER` is given up: what it was
dialling becomes unknown. It may still be alive, cut off from the database: whatever it held, it dials nothing new, for
a fence needs the database, and the database says that it is lost.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, select, update

from voicebot.campaign.fault import CampaignFault
from voicebot.store.campaign_tables import hosts, leases
from voicebot.store.store import Store, insert_unless_there

HEARTBEAT_S: Final = 3.0
LOST_AFTER: Final = timedelta(seconds=30)
LEASE: Final = timedelta(seconds=6)
DISPATCHER: Final = "dispatcher"


@dataclass(frozen=True, slots=True)
class HostRow:
    """A host as the database has it. `boot` names this run of its process."""

    name: str
    boot: str
    machine: str
    pid: int
    channels: int
    busy: int
    load: float
    started_at: datetime
    seen_at: datetime
    lost: bool


def register(store: Store, host: HostRow, *, alive: bool) -> None:
    """A host begins. `alive`: whether the process that the row of its name speaks of still runs, as far as this machine
    can tell. Raises `CampaignFault` while another process works under this name.
    """
    row = {name: getattr(host, name) for name in HostRow.__slots__}
    with store.writing() as connection:
        if insert_unless_there(connection, hosts, row):
            return
        there = _locked(connection, host.name)
        fresh = host.started_at - there.seen_at < LOST_AFTER and not there.lost
        elsewhere = there.machine != host.machine
        if fresh and there.boot != host.boot and (elsewhere or alive):
            raise CampaignFault(
                f"a host called {host.name} is at work (process {there.pid} on {there.machine}): give this one another"
                " name with VOICEBOT_HOST_NAME, or end that one",
                permanent=False,
            )
        connection.execute(update(hosts).where(hosts.c.name == host.name).values(row))


def heartbeat(store: Store, name: str, boot: str, now: datetime, *, busy: int, load: float) -> bool:
    """The host lives. False if it was given up meanwhile, or another process has its name: it must register anew."""
    with store.writing() as connection:
        done = connection.execute(
            update(hosts)
            .where(hosts.c.name == name, hosts.c.boot == boot, hosts.c.lost.is_(False))
            .values(seen_at=now, busy=busy, load=load)
        )
        return done.rowcount == 1


def leave(store: Store, name: str, boot: str, now: datetime) -> None:
    """The host ends in order: nothing of it is left to be given up."""
    with store.writing() as connection:
        mine = (hosts.c.name == name, hosts.c.boot == boot)
        connection.execute(update(hosts).where(*mine).values(seen_at=now, busy=0, channels=0, lost=True))


def may_fence(connection: Connection, name: str, boot: str) -> bool:
    """Whether this run of the host is the one that the database knows. Holds its row: a host cannot be given up and
    fence at the same moment.
    """
    query = select(hosts.c.boot, hosts.c.lost).where(hosts.c.name == name).with_for_update(read=True)
    row = connection.execute(query).one_or_none()
    return row is not None and row.boot == boot and not row.lost


def give_up_silent(store: Store, now: datetime) -> list[str]:
    """Give up the hosts that have been silent for too long, and name them."""
    with store.writing() as connection:
        silent = (hosts.c.lost.is_(False), hosts.c.seen_at < now - LOST_AFTER)
        return list(
            connection.execute(update(hosts).where(*silent).values(lost=True).returning(hosts.c.name)).scalars()
        )


def all_of(store: Store) -> list[HostRow]:
    """Every host that ever worked."""
    with store.reading() as connection:
        return [HostRow(**row) for row in connection.execute(select(hosts).order_by(hosts.c.name)).mappings()]


def alive(store: Store, now: datetime) -> list[HostRow]:
    """The hosts at work."""
    return [host for host in all_of(store) if not host.lost and host.seen_at >= now - LOST_AFTER]


def take_lease(store: Store, name: str, holder: str, now: datetime) -> bool:
    """Take, or keep, the lease for `LEASE`. False while another holder has it. That two hold it for a moment, because
    their clocks differ, does no harm: what they do is guarded by itself.
    """
    with store.writing() as connection:
        row = {"name": name, "holder": holder, "until": now + LEASE}
        if insert_unless_there(connection, leases, row):
            return True
        free = (leases.c.name == name, (leases.c.holder == holder) | (leases.c.until < now))
        return connection.execute(update(leases).where(*free).values(holder=holder, until=now + LEASE)).rowcount == 1


def give_lease_back(store: Store, name: str, holder: str, now: datetime) -> None:
    """Let another one dispatch at once."""
    with store.writing() as connection:
        mine = (leases.c.name == name, leases.c.holder == holder)
        connection.execute(update(leases).where(*mine).values(until=now - LEASE))


def runs_here(store: Store, name: str) -> bool:
    """Whether the process that works under this name runs, as far as this machine can tell."""
    there = next((row for row in all_of(store) if row.name == name), None)
    if there is None or there.machine != socket.gethostname():
        return False
    # Started anew in its container, a host has the very process id that it had before.
    return there.pid != os.getpid() and runs(there.pid)


def runs(pid: int) -> bool:
    """Whether there is such a process on this machine."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _locked(connection: Connection, name: str) -> HostRow:
    query = select(hosts).where(hosts.c.name == name).with_for_update()
    return HostRow(**connection.execute(query).mappings().one())
