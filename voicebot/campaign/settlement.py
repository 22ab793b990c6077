"""Settlement: what became of a dialled attempt, and what comes next for its contact.

Only the record of the call speaks. Where it cannot, because the process that held the call is gone, the attempt is
`unknown` and the campaign's plan says what happens: a person decides, the contact is closed, or it is called again
later. A record that comes in after all, from a host that was cut off, still settles its attempt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, func, or_, select, update

from voicebot.campaign import book
from voicebot.campaign.breaker import Breaker, abandoned, after, is_trunk_failure
from voicebot.campaign.fence import held_with_campaign
from voicebot.campaign.policy import Policy
from voicebot.campaign.retries import next_attempt
from voicebot.campaign.snapshot import NOT_DIALLED, SILENT_ENDINGS, TRUNK_FAILED
from voicebot.flow.dispositions import Disposition
from voicebot.store import tables
from voicebot.store.campaign_tables import attempts, campaigns, contacts, hosts, trunks
from voicebot.store.records import CallRecord
from voicebot.store.store import FAULT, Store

CALLBACK: Final = "callback"
# A phone that our trunk did not reach was not rung: the next attempt need not wait for the client's sake.
_SOON: Final = timedelta(seconds=30)
_FREE_FAILURES: Final = 5


@dataclass(frozen=True, slots=True)
class Orphan:
    """An attempt being dialled by a process that is no more, as far as the database knows."""

    attempt_id: str
    call_id: str
    host: str
    since: datetime


def settle(store: Store, attempt_id: str, boot: str, record: CallRecord, policy: Policy, now: datetime) -> str:
    """Close an attempt by its call's record, and give its disposition; "" if it was settled already. `boot`: the token
    that it was fenced with, or "" where the database's word that its process is gone was taken.
    """
    with store.writing() as connection:
        row = held_with_campaign(connection, attempt_id)
        if row is None or row["state"] not in ("dialling", "unknown") or (boot and row["token"] != boot):
            return ""
        if row["call_id"] != record.id or record.state != "closed":
            return ""
        if _worker_died(connection, record.id):
            return _unknown(connection, row, record.fault or "the process that held the call is gone", policy, now)
        contact = connection.execute(select(contacts).where(contacts.c.id == row["contact_id"])).mappings().one()
        dialled = _happened(connection, record.id, "dialling")
        rang = record.answered_at is not None or _happened(connection, record.id, "ringing")
        failed = dialled and is_trunk_failure(record.sip_cause, record.sip_code, rang=rang)
        # What no phone can have rung for counts neither for the client nor for the budget; but a number that the trunk
        # can never reach must not be tried for ever at no cost.
        free = (failed or not dialled) and _silent_endings(connection, contact["id"]) < _FREE_FAILURES
        why = f"{record.sip_cause} {record.sip_code}"
        _judge_trunk(connection, row, policy, now, ok=not failed if dialled else None, why=why)
        rule = (TRUNK_FAILED if dialled else NOT_DIALLED) if free else ""
        _close(connection, row, record.disposition, rule, now)
        if free:
            _take_back(connection, row, contact, now)
            return record.disposition
        if not _awaits(contact, row):
            _tell_late(connection, contact, row, record.disposition)
            return record.disposition
        campaign = book.find(connection, row["campaign_id"])
        wish = record.lead.due_at if record.lead is not None and record.lead.kind == CALLBACK else None
        following = next_attempt(
            record.disposition,
            dials=contact["dials"],
            plan=campaign.plan,
            retries=policy.retries,
            now=now,
            seed=attempt_id,
            wish=wish,
        )
        change: dict[str, Any] = {"outcome": record.disposition, "wish_call_id": ""}
        if following.at is None:
            change |= {"state": "done", "settled_at": now}
        elif campaign.state == "cancelled":
            change |= {"state": "cancelled", "settled_at": now}
        else:
            change |= {"state": "waiting", "due_at": following.at}
            if following.kind == "wish":
                change["wish_call_id"] = record.id
                # The robot calls back itself; whoever reads the leads sees that nobody else need.
                mine = (tables.leads.c.call_id == record.id, tables.leads.c.status == "open")
                connection.execute(update(tables.leads).where(*mine).values(status="scheduled"))
        connection.execute(update(contacts).where(contacts.c.id == row["contact_id"]).values(change))
        return record.disposition


def undo(store: Store, attempt_id: str, boot: str, call_id: str, why: str, policy: Policy, now: datetime) -> bool:
    """The caller knows that it did not dial, though the fence may have gone through: whether it had. The call does not
    count, the contact is tried again soon.
    """
    with store.writing() as connection:
        row = held_with_campaign(connection, attempt_id)
        if row is None or row["state"] not in ("dialling", "unknown"):
            return False
        if row["token"] != boot or row["call_id"] != call_id:
            return False
        _judge_trunk(connection, row, policy, now, ok=None, why="")
        _close(connection, row, Disposition.FAULT, NOT_DIALLED, now, note=why)
        contact = connection.execute(select(contacts).where(contacts.c.id == row["contact_id"])).mappings().one()
        _take_back(connection, row, contact, now)
        return True


def orphans(store: Store) -> list[Orphan]:
    """Attempts being dialled whose process was given up or replaced by another run."""
    query = (
        select(attempts.c.id, attempts.c.call_id, attempts.c.host, attempts.c.fenced_at, hosts.c.started_at)
        .select_from(attempts.outerjoin(hosts, hosts.c.name == attempts.c.host))
        .where(or_(hosts.c.name.is_(None), hosts.c.boot != attempts.c.token, hosts.c.lost.is_(True)))
    )
    with store.reading() as connection:
        found = connection.execute(query.where(attempts.c.state == "dialling")).all()
    return [Orphan(id_, call_id, host, max(at, started or at)) for id_, call_id, host, at, started in found]


def unfollowed(store: Store, host: str, boot: str, before: datetime) -> list[tuple[str, str]]:
    """(attempt, call) of what this run of the host fenced before then and is dialling, as far as the database knows: a
    fence whose answer was lost may go through after it was asked about, and a fault of ours may end whoever followed a
    call.
    """
    mine = (attempts.c.host == host, attempts.c.state == "dialling", attempts.c.token == boot)
    query = select(attempts.c.id, attempts.c.call_id).where(*mine, attempts.c.fenced_at < before)
    with store.reading() as connection:
        return [(attempt_id, call_id) for attempt_id, call_id in connection.execute(query)]


def lose(store: Store, orphan: Orphan, why: str, policy: Policy, now: datetime) -> bool:
    """An orphan whose record nobody closed: it becomes `unknown`. Whether it did."""
    with store.writing() as connection:
        row = held_with_campaign(connection, orphan.attempt_id)
        if row is None or row["state"] != "dialling" or row["call_id"] != orphan.call_id:
            return False
        if not _is_orphan(connection, row):
            return False
        _unknown(connection, row, why, policy, now)
        return True


def late(store: Store, most: int) -> Sequence[tuple[str, str]]:
    """Unknown attempts whose call has been closed after all: (attempt, call), to be settled."""
    calls = tables.calls
    query = (
        select(attempts.c.id, attempts.c.call_id)
        .join(calls, calls.c.id == attempts.c.call_id)
        .where(calls.c.state == "closed", calls.c.disposition != FAULT)
        .limit(most)
    )
    with store.reading() as connection:
        found = connection.execute(query.where(attempts.c.state == "unknown"))
        return [(attempt_id, call_id) for attempt_id, call_id in found]


def _worker_died(connection: Connection, call_id: str) -> bool:
    """The record was closed by the process that outlived the call's, so it does not say how the call ended."""
    log = tables.call_events.c
    query = select(log.payload).where(log.call_id == call_id, log.kind == "fault")
    return any(payload.get("part") == "worker" for payload in connection.execute(query).scalars())


def _silent_endings(connection: Connection, contact_id: int) -> int:
    """Attempts to the contact that ended before any phone could ring."""
    mine = (attempts.c.contact_id == contact_id, attempts.c.rule.in_(SILENT_ENDINGS))
    return connection.execute(select(func.count()).select_from(attempts).where(*mine)).scalar_one()


def _happened(connection: Connection, call_id: str, kind: str) -> bool:
    log = tables.call_events.c
    query = select(log.seq).where(log.call_id == call_id, log.kind == kind).limit(1)
    return connection.execute(query).first() is not None


def _is_orphan(connection: Connection, row: RowMapping) -> bool:
    host = connection.execute(select(hosts.c.boot, hosts.c.lost).where(hosts.c.name == row["host"])).one_or_none()
    return host is None or host.lost or host.boot != row["token"]


def _close(
    connection: Connection, row: RowMapping, disposition: str, rule: str, now: datetime, *, note: str = ""
) -> None:
    closed = {"state": "closed", "disposition": disposition, "rule": rule, "closed_at": now}
    connection.execute(update(attempts).where(attempts.c.id == row["id"]).values(**closed, note=note or row["note"]))


def _awaits(contact: RowMapping, row: RowMapping) -> bool:
    """Whether the contact still goes by what becomes of this attempt. Not once it was closed without it, by plan or by
    a person, or a later attempt was admitted: its campaign may be over, and nobody is called twice at once.
    """
    open_ = contact["state"] in ("admitted", "waiting", "unknown")
    return open_ and contact["attempts"] == row["n"] and not row["decided_by"]


def _tell_late(connection: Connection, contact: RowMapping, row: RowMapping, disposition: str) -> None:
    """What became of the last attempt is known after all, too late to change what is done."""
    if contact["attempts"] == row["n"] and not row["decided_by"]:
        connection.execute(update(contacts).where(contacts.c.id == contact["id"]).values(outcome=disposition))


def _take_back(connection: Connection, row: RowMapping, contact: RowMapping, now: datetime) -> None:
    """No phone rang: the call counts neither for the contact nor for the budget."""
    change: dict[str, Any] = {"dials": contacts.c.dials - 1}
    if _awaits(contact, row):
        over = book.find(connection, row["campaign_id"]).state == "cancelled"
        change |= {"state": "cancelled", "settled_at": now} if over else {"state": "waiting", "due_at": now + _SOON}
    connection.execute(update(contacts).where(contacts.c.id == contact["id"]).values(change))
    spent = campaigns.c.dials - 1
    connection.execute(update(campaigns).where(campaigns.c.id == row["campaign_id"]).values(dials=spent))


def _unknown(connection: Connection, row: RowMapping, why: str, policy: Policy, now: datetime) -> str:
    if row["state"] == "unknown":
        return ""
    # A probe that nobody heard of again must not keep its trunk closed for ever.
    _judge_trunk(connection, row, policy, now, ok=None, why="")
    changed = {"state": "unknown", "disposition": Disposition.UNKNOWN.value, "note": why, "closed_at": now}
    connection.execute(update(attempts).where(attempts.c.id == row["id"]).values(changed))
    plan = book.find(connection, row["campaign_id"]).plan
    contact: dict[str, Any] = {"outcome": Disposition.UNKNOWN.value}
    match plan.unknown:
        case "ask":
            contact |= {"state": "unknown"}
        case "close":
            contact |= {"state": "done", "settled_at": now}
        case "redial":
            contact |= {"state": "waiting", "due_at": now + plan.redial_after}
    connection.execute(update(contacts).where(contacts.c.id == row["contact_id"]).values(contact))
    return Disposition.UNKNOWN.value


def _judge_trunk(
    connection: Connection, row: RowMapping, policy: Policy, now: datetime, *, ok: bool | None, why: str
) -> None:
    """What an attempt says about its trunk; None: nothing. Its row is held."""
    trunk = connection.execute(select(trunks).where(trunks.c.name == row["trunk"])).mappings().one()
    before = Breaker(*(trunk[name] for name in Breaker.__slots__))
    then = abandoned(before, row["id"]) if ok is None else after(before, row["id"], ok, now, policy.breaker)
    if then != before:
        values = {name: getattr(then, name) for name in Breaker.__slots__}
        told = {} if ok is None else {"why": "" if ok else why}
        connection.execute(update(trunks).where(trunks.c.name == row["trunk"]).values(**values, **told))
