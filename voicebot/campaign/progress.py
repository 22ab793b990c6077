"""How far a campaign is: everything that `status` shows, as one moment of the database had it.

What is asked again and again is answered from indexes alone. The calls are counted by `voicebot.campaign.kpi.count`,
which reads every attempt: whoever looks often hands in a count that he made a while ago.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Column, ColumnElement, Connection, func, select

from voicebot.campaign import book
from voicebot.campaign.book import Campaign
from voicebot.campaign.hosts import LOST_AFTER
from voicebot.campaign.kpi import Tally, count
from voicebot.campaign.snapshot import SILENT_ENDINGS
from voicebot.store.campaign_tables import (
    ATTEMPT_STATES,
    CONTACT_STATES,
    attempts,
    contacts,
    gate_log,
    hosts,
    trunks,
)
from voicebot.store.store import Store
from voicebot.store.tables import calls

# The rate of calls is looked at over so long.
RECENT: Final = timedelta(minutes=10)
# A call's row is made in the transaction that fences the attempt, by the same clock but for moments.
_APART: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Refused:
    """What a rule did: `contacts` it refused for good (a row's verdict, or a gate's "never"), and how often a gate said
    no by it in all, "later" included (`times`).
    """

    rule: str
    contacts: int
    times: int


@dataclass(frozen=True, slots=True)
class HostState:
    """A host at work: its `channels`, and how many of them are `busy`."""

    name: str
    channels: int
    busy: int
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class TrunkState:
    """A trunk's breaker: `failures` in a row; no call before `open_until` (None: closed); `why` it opened."""

    name: str
    failures: int
    open_until: datetime | None
    why: str

    def is_open(self, now: datetime) -> bool:
        """Whether it lets no call pass at this moment."""
        return self.open_until is not None and now < self.open_until


@dataclass(frozen=True, slots=True)
class Progress:
    """A campaign at a moment. `contacts`, `attempts`: by state, every state there; `refused`: the most frequent rule
    first; `recent_dials`: calls placed in the last `RECENT`; `deferred`: contacts that wait for a later time, the
    first of them due at `next_due`, the last at `last_due`; `hosts`: those at work, for all campaigns.
    """

    campaign: Campaign
    at: datetime
    contacts: Mapping[str, int]
    refused: tuple[Refused, ...]
    attempts: Mapping[str, int]
    tally: Tally
    recent_dials: int
    deferred: int
    next_due: datetime | None
    last_due: datetime | None
    hosts: tuple[HostState, ...]
    trunk: TrunkState

    @property
    def dials(self) -> int:
        """Calls placed so far."""
        return self.campaign.dials

    @property
    def remaining(self) -> int:
        """Contacts that may still be dialled."""
        return self.contacts["waiting"] + self.contacts["admitted"]

    @property
    def settled(self) -> int:
        """Contacts that were dialled and are through, the uncertain ones among them."""
        return self.contacts["done"] + self.contacts["unknown"]

    @property
    def busy(self) -> int:
        """Channels in use: calls under way."""
        return self.attempts["dialling"]

    @property
    def over(self) -> bool:
        """Nothing more will change."""
        return self.campaign.state in ("done", "cancelled")

    @property
    def recent_per_minute(self) -> float:
        """Calls placed a minute, over the last `RECENT` or since the start, whichever is shorter."""
        return _per_minute(self.recent_dials, min(RECENT, self._lasted))

    @property
    def overall_per_minute(self) -> float:
        """Calls placed a minute since the start, by the clock on the wall, nights included."""
        return _per_minute(self.dials, self._lasted)

    @property
    def _lasted(self) -> timedelta:
        started = self.campaign.started_at
        return (self.campaign.ended_at or self.at) - started if started else timedelta(0)


def progress(store: Store, campaign: str, now: datetime, *, tally: Tally | None = None) -> Progress:
    """A campaign, by name or id. `tally`: its calls as they were counted before, instead of counting them now. Raises
    `CampaignFault` where there is none, `StoreFault`.
    """
    with store.reading() as connection:
        row = book.find(connection, campaign)
        by_state = contacts_by_state(connection, row.id)
        deferred, next_due, last_due = _deferred(connection, row, now)
        return Progress(
            campaign=row,
            at=now,
            contacts=by_state,
            refused=_refused(connection, row.id) if by_state["refused"] or row.started_at else (),
            attempts=_attempts_by_state(connection, row.id),
            tally=count(connection, row.id) if tally is None else tally,
            recent_dials=_dials_since(connection, row.id, now - RECENT) if row.dials else 0,
            deferred=deferred,
            next_due=next_due,
            last_due=last_due,
            hosts=_hosts(connection, now),
            trunk=_trunk(connection, row.trunk),
        )


def contacts_by_state(connection: Connection, campaign_id: str) -> dict[str, int]:
    """How many contacts are in which state; every state is there."""
    found = _counts(connection, contacts.c.state, contacts.c.campaign_id == campaign_id)
    return {state: found.get(state, 0) for state in CONTACT_STATES}


def _attempts_by_state(connection: Connection, campaign_id: str) -> dict[str, int]:
    found = _counts(connection, attempts.c.state, attempts.c.campaign_id == campaign_id)
    return {state: found.get(state, 0) for state in ATTEMPT_STATES}


def _refused(connection: Connection, campaign_id: str) -> tuple[Refused, ...]:
    here = (contacts.c.campaign_id == campaign_id, contacts.c.state == "refused")
    people = _counts(connection, contacts.c.rule, *here)
    times = _counts(connection, gate_log.c.rule, gate_log.c.campaign_id == campaign_id)
    found = [Refused(rule, people.get(rule, 0), times.get(rule, 0)) for rule in people.keys() | times.keys()]
    return tuple(sorted(found, key=lambda one: (-one.contacts, -one.times, one.rule)))


def _counts(connection: Connection, column: Column[str], *where: ColumnElement[bool]) -> dict[str, int]:
    query = select(column, func.count()).where(*where).group_by(column)
    return dict(connection.execute(query).all())


def _deferred(
    connection: Connection, campaign: Campaign, now: datetime
) -> tuple[int, datetime | None, datetime | None]:
    """Contacts that wait for later: how many, the first and the last moment. With the zones named, the index leads to
    these alone.
    """
    due = contacts.c.due_at
    query = select(func.count(), func.min(due), func.max(due)).where(
        contacts.c.campaign_id == campaign.id,
        contacts.c.state == "waiting",
        contacts.c.zone.in_(campaign.zones),
        due > now,
    )
    number, first, last = connection.execute(query).one()
    return number, first, last


def _dials_since(connection: Connection, campaign_id: str, since: datetime) -> int:
    """Counted from the calls, whose index of time leads to the few that are meant."""
    query = (
        select(func.count())
        .select_from(calls.join(attempts, attempts.c.call_id == calls.c.id))
        .where(
            calls.c.created_at > since - _APART,
            attempts.c.campaign_id == campaign_id,
            attempts.c.fenced_at > since,
            attempts.c.rule.not_in(SILENT_ENDINGS),
        )
    )
    number: int = connection.execute(query).scalar_one()
    return number


def _hosts(connection: Connection, now: datetime) -> tuple[HostState, ...]:
    query = (
        select(hosts.c.name, hosts.c.channels, hosts.c.busy, hosts.c.seen_at)
        .where(hosts.c.lost.is_(False), hosts.c.seen_at >= now - LOST_AFTER)
        .order_by(hosts.c.name)
    )
    return tuple(HostState(*row) for row in connection.execute(query))


def _trunk(connection: Connection, name: str) -> TrunkState:
    query = select(trunks.c.failures, trunks.c.open_until, trunks.c.why).where(trunks.c.name == name)
    row = connection.execute(query).one_or_none()
    return TrunkState(name, row.failures, row.open_until, row.why) if row else TrunkState(name, 0, None, "")


def _per_minute(number: int, lasted: timedelta) -> float:
    return number / (lasted.total_seconds() / 60) if lasted > timedelta(0) else 0.0


@dataclass(frozen=True, slots=True)
class Line:
    """A campaign among others, with its contacts by state."""

    campaign: Campaign
    contacts: Mapping[str, int]


def overview(store: Store) -> list[Line]:
    """All campaigns, those first that are dialled first. Raises `StoreFault`."""
    with store.reading() as connection:
        return [Line(one, contacts_by_state(connection, one.id)) for one in book.all_of(connection)]
