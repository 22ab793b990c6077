"""Campaigns as the database has them: the row of one, and the log of what was done to it.

Functions take a connection within a transaction of the caller's (`Store.writing`, `Store.reading`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, func, insert, or_, select

from voicebot.campaign.fault import CampaignFault
from voicebot.campaign.plan import Plan
from voicebot.campaign.terms import Kind
from voicebot.store.campaign_tables import campaign_log, campaigns


@dataclass(frozen=True, slots=True)
class Approval:
    """What was approved. Where anything of it no longer holds, the approval is void."""

    by: str
    at: datetime
    flow_version: str
    contacts_sha256: str
    plan_sha256: str


@dataclass(frozen=True, slots=True)
class Campaign:
    """A row of `campaigns`. `rows_read`: of its list; `contacts_accepted`: of them; `zones`: all that its contacts lie
    in, each as a contact has it; `dials`: calls placed so far.
    """

    id: str
    name: str
    flow: str
    flow_version: str
    kind: Kind
    author: str
    trunk: str
    state: str
    state_since: datetime
    state_why: str
    plan: Plan
    contacts_sha256: str
    rows_read: int
    contacts_accepted: int
    zones: tuple[str, ...]
    approval: Approval | None
    dials: int
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class LogEntry:
    """Something that was done to a campaign: who, when, what, why."""

    seq: int
    at: datetime
    who: str
    change: str
    why: str
    data: Mapping[str, Any] = field(default_factory=dict)


def find(connection: Connection, name: str, *, lock: bool = False) -> Campaign:
    """A campaign by its name or id. `lock`: nobody else changes its row until the transaction ends. Raises
    `CampaignFault` where there is none.
    """
    query = select(campaigns).where(or_(campaigns.c.name == name, campaigns.c.id == name))
    row = connection.execute(query.with_for_update() if lock else query).mappings().one_or_none()
    if row is None:
        raise CampaignFault(f"no campaign is called {name!r}: `voicebot campaign list` shows them")
    return of_row(row)


def all_of(connection: Connection, *states: str) -> list[Campaign]:
    """All campaigns, or those in the states named; the greatest priority first, then the oldest."""
    query = select(campaigns).order_by(campaigns.c.priority.desc(), campaigns.c.created_at)
    if states:
        query = query.where(campaigns.c.state.in_(states))
    return [of_row(row) for row in connection.execute(query).mappings()]


def running(connection: Connection) -> list[Campaign]:
    """Those that dial, in the order in which they are served: the greatest priority first, and of equals the one that
    was longest without its turn.
    """
    waited = func.coalesce(campaigns.c.admitted_at, campaigns.c.created_at)
    query = select(campaigns).where(campaigns.c.state == "running").order_by(campaigns.c.priority.desc(), waited)
    return [of_row(row) for row in connection.execute(query).mappings()]


def of_row(row: RowMapping) -> Campaign:
    """A row as a value."""
    given = row["approval"]
    approval = Approval(**{**given, "at": datetime.fromisoformat(given["at"])}) if given else None
    own = {name: row[name] for name in Campaign.__slots__ if name not in ("plan", "zones", "approval")}
    return Campaign(**own, plan=Plan.model_validate(row["plan"]), zones=tuple(row["zones"]), approval=approval)


def note(
    connection: Connection,
    campaign_id: str,
    now: datetime,
    who: str,
    change: str,
    why: str = "",
    data: Mapping[str, Any] | None = None,
) -> None:
    """Append to the campaign's log. The caller holds its row (`find(…, lock=True)`), so that numbers have no double."""
    last = select(func.coalesce(func.max(campaign_log.c.seq), 0)).where(campaign_log.c.campaign_id == campaign_id)
    seq = connection.execute(last).scalar_one() + 1
    row = {"campaign_id": campaign_id, "seq": seq, "at": now, "who": who, "change": change, "why": why}
    connection.execute(insert(campaign_log), {**row, "data": dict(data or {})})


def log_of(connection: Connection, campaign_id: str) -> list[LogEntry]:
    """What was done to a campaign, in order."""
    query = select(campaign_log).where(campaign_log.c.campaign_id == campaign_id).order_by(campaign_log.c.seq)
    names = LogEntry.__slots__
    return [LogEntry(**{name: row[name] for name in names}) for row in connection.execute(query).mappings()]
