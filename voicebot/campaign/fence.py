"""The fence 拨号栅栏: the one transaction after which a phone may ring, and without which none does.

It turns an attempt from `queued` to `dialling` with the token of the process that will dial, checks the gates once more
over what the database says in that very transaction, and notes the call. An attempt is fenced once in its life: whoever
finds it `dialling` or later does not dial. If nobody can say what became of it, it is `unknown`, not dialled again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, select, update

from voicebot.campaign import book, life
from voicebot.campaign.admission import hold_trunk, refuse
from voicebot.campaign.breaker import Breaker, may_dial, probing
from voicebot.campaign.gates import Refusal, judge
from voicebot.campaign.hosts import may_fence
from voicebot.campaign.policy import Policy
from voicebot.campaign.snapshot import snapshots
from voicebot.campaign.trunks import Trunk
from voicebot.flow.model import Flow
from voicebot.store.campaign_tables import attempts, campaigns, contacts, numbers, trunks
from voicebot.store.records import NewCall
from voicebot.store.store import Store, insert_call, insert_unless_there


@dataclass(frozen=True, slots=True)
class Task:
    """What a host needs to carry an attempt out."""

    attempt_id: str
    campaign_id: str
    contact_id: int
    flow: str
    trunk: str
    number: str
    given: str
    ref: str
    slots: Mapping[str, str]
    ring_s: int


@dataclass(frozen=True, slots=True)
class Fenced:
    """Dial now, once."""


@dataclass(frozen=True, slots=True)
class Left:
    """Not dialled. `why`: in a word or two. `again`: the attempt is still queued and wants to be handed over again."""

    why: str
    again: bool = False


def task_of(store: Store, attempt_id: str) -> Task | Left:
    """What is to be done for a queued attempt."""
    query = (
        select(
            attempts.c.state,
            attempts.c.trunk,
            attempts.c.campaign_id,
            attempts.c.contact_id,
            campaigns.c.flow,
            campaigns.c.plan,
            contacts.c.number,
            contacts.c.given,
            contacts.c.ref,
            contacts.c.slots,
        )
        .join(campaigns, campaigns.c.id == attempts.c.campaign_id)
        .join(contacts, contacts.c.id == attempts.c.contact_id)
        .where(attempts.c.id == attempt_id)
    )
    with store.reading() as connection:
        row = connection.execute(query).mappings().one_or_none()
    if row is None:
        return Left("there is no such attempt")
    if row["state"] != "queued":
        return Left(f"it is {row['state']} already")
    own = {
        name: row[name] for name in ("campaign_id", "contact_id", "flow", "trunk", "number", "given", "ref", "slots")
    }
    return Task(attempt_id, **own, ring_s=row["plan"]["ring_s"])


def next_dial(store: Store, trunk: Trunk, now: datetime) -> datetime:
    """Takes the trunk's next place for an INVITE, of all hosts together, and says when it is."""
    with store.writing() as connection:
        row = hold_trunk(connection, trunk.name)
        at = max(now, row["next_dial_at"] or now)
        following = at + timedelta(seconds=1 / trunk.calls_per_second)
        connection.execute(update(trunks).where(trunks.c.name == trunk.name).values(next_dial_at=following))
        return at


def fence(
    store: Store, task: Task, call: NewCall, flow: Flow, policy: Policy, *, boot: str, now: datetime
) -> Fenced | Left:
    """Let this process dial the attempt, or say why it must not. `call.worker`: the host's name; `boot`: the run of its
    process. Raises `StoreFault`; whether the transaction went through is then unknown, and the caller does not dial but
    asks (`undo`).
    """
    with store.writing() as connection:
        if not may_fence(connection, call.worker, boot):
            return Left("this host was given up", again=True)
        # Always in this order, here and wherever these rows are held, so that no two transactions wait for each other:
        # campaign, trunk, attempt, number, contact.
        campaign = book.find(connection, task.campaign_id, lock=True)
        trunk = hold_trunk(connection, task.trunk)
        row = _held(connection, task.attempt_id)
        if row is None or row["state"] != "queued":
            return Left(f"it is {row['state'] if row else 'gone'} already")
        if campaign.state == "running" and (differs := life.still_approved(campaign, flow)):
            life.void(connection, campaign, now, differs)
            campaign = book.find(connection, task.campaign_id)
        if campaign.state != "running":
            return _put_back(connection, row, Refusal(f"campaign_{campaign.state}", {}, now), now)
        breaker = Breaker(*(trunk[name] for name in Breaker.__slots__))
        allowed = may_dial(breaker, task.attempt_id, now)
        if allowed == "no":
            until = max(now + timedelta(seconds=2), breaker.open_until or now)
            return _put_back(connection, row, Refusal("trunk_down", {"trunk": task.trunk}, until), now)
        insert_unless_there(connection, numbers, {"number": task.number, "dialled_at": None})
        connection.execute(select(numbers).where(numbers.c.number == task.number).with_for_update())
        contact = connection.execute(select(contacts).where(contacts.c.id == task.contact_id)).mappings().one()
        seen = snapshots(connection, campaign, [contact], flow, policy, now, leave_out=task.attempt_id)
        verdict = judge(seen[task.contact_id])
        if isinstance(verdict, Refusal):
            return _put_back(connection, row, verdict, now)
        if allowed == "probe":
            probe = probing(breaker, task.attempt_id).probe
            connection.execute(update(trunks).where(trunks.c.name == task.trunk).values(probe=probe))
        insert_call(connection, call)
        fenced = {"state": "dialling", "host": call.worker, "token": boot, "fenced_at": now, "call_id": call.id}
        connection.execute(update(attempts).where(attempts.c.id == task.attempt_id).values(fenced))
        once_more = contacts.c.dials + 1
        connection.execute(update(contacts).where(contacts.c.id == task.contact_id).values(dials=once_more))
        spent = campaigns.c.dials + 1
        connection.execute(update(campaigns).where(campaigns.c.id == campaign.id).values(dials=spent))
        connection.execute(update(numbers).where(numbers.c.number == task.number).values(dialled_at=now))
        return Fenced()


def put_back(store: Store, attempt_id: str, refusal: Refusal, now: datetime) -> Left:
    """A queued attempt cannot be dialled, for a reason that lies with us: its contact waits, or is refused."""
    with store.writing() as connection:
        row = held_with_campaign(connection, attempt_id)
        if row is None or row["state"] != "queued":
            return Left("it is queued no more")
        return _put_back(connection, row, refusal, now)


def handed_again(store: Store, attempt_id: str, handed: int, now: datetime) -> int | None:
    """Count another handing over of an attempt that is still queued; None if it is not, or somebody else does it."""
    mine = (attempts.c.id == attempt_id, attempts.c.state == "queued", attempts.c.handed == handed)
    with store.writing() as connection:
        done = connection.execute(update(attempts).where(*mine).values(handed=handed + 1, handed_at=now))
    return handed + 1 if done.rowcount == 1 else None


def held_with_campaign(connection: Connection, attempt_id: str) -> RowMapping | None:
    """An attempt's row, held after its campaign's and its trunk's."""
    query = select(attempts.c.campaign_id, attempts.c.trunk).where(attempts.c.id == attempt_id)
    whose = connection.execute(query).one_or_none()
    if whose is None:
        return None
    book.find(connection, whose.campaign_id, lock=True)
    hold_trunk(connection, whose.trunk)
    return _held(connection, attempt_id)


def _held(connection: Connection, attempt_id: str) -> RowMapping | None:
    query = select(attempts).where(attempts.c.id == attempt_id).with_for_update()
    return connection.execute(query).mappings().one_or_none()


def _put_back(connection: Connection, row: RowMapping, refusal: Refusal, now: datetime) -> Left:
    closed: dict[str, Any] = {"state": "refused", "rule": refusal.rule, "evidence": dict(refusal.evidence)}
    connection.execute(update(attempts).where(attempts.c.id == row["id"]).values(**closed, closed_at=now))
    refuse(connection, row["campaign_id"], row["contact_id"], "dial", refusal, now)
    if refusal.rule == "campaign_cancelled":
        left = {"state": "cancelled", "settled_at": now}
        connection.execute(update(contacts).where(contacts.c.id == row["contact_id"]).values(left))
    return Left(refusal.rule)
