"""Admission: contacts that may be dialled now become attempts, just in time and no more than the channels will take.

All in one transaction that holds the campaign's and the trunk's row: two dispatchers at once, by mistake, admit no
contact twice and break no limit. Its cost depends on what it admits, not on how many contacts wait: only the contacts
that are due, in zones whose hours are open, are looked at, through one index.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, RowMapping, func, insert, select, update

from voicebot.campaign import book, life
from voicebot.campaign.breaker import Breaker, carried_by
from voicebot.campaign.fault import CampaignFault
from voicebot.campaign.gates import Pass, Refusal, judge
from voicebot.campaign.hours import on_holidays, open_at, windows
from voicebot.campaign.policy import Policy
from voicebot.campaign.snapshot import snapshots
from voicebot.campaign.trunks import Trunk
from voicebot.flow.model import Flow
from voicebot.store.campaign_tables import attempts, campaigns, contacts, gate_log, trunks
from voicebot.store.store import Store, insert_unless_there

# At most so many contacts are looked at in one transaction: on SQLite it keeps every other writer waiting.
MOST: Final = 50
OPEN: Final = ("queued", "dialling")


@dataclass(frozen=True, slots=True)
class Admitted:
    """What an admission did. `attempts`: ids, to be handed to the queue; `refused`: by rule, also those for later;
    `over`: nothing is left to do in this campaign.
    """

    attempts: tuple[str, ...] = ()
    refused: Mapping[str, int] = field(default_factory=dict)
    over: bool = False


def admit(
    store: Store, campaign_id: str, flow: Flow, policy: Policy, trunk: Trunk, now: datetime, *, channels: int
) -> Admitted:
    """Admit what is due in a running campaign. `channels`: of all hosts at work; about twice as many attempts are kept
    ahead, so that a channel that falls free finds one waiting. An approval that no longer holds is voided here.
    """
    with store.writing() as connection:
        campaign = book.find(connection, campaign_id, lock=True)
        if campaign.state != "running":
            return Admitted()
        if differs := life.still_approved(campaign, flow):
            life.void(connection, campaign, now, differs)
            return Admitted()
        row = hold_trunk(connection, trunk.name)
        room = min(
            _room(connection, campaign, policy, trunk, channels),
            carried_by(Breaker(*(row[name] for name in Breaker.__slots__)), now),
        )
        due = _due(connection, campaign, policy, now, min(room, MOST)) if room > 0 else []
        if not due:
            return Admitted(over=life.finish(connection, campaign, now))
        ids: list[str] = []
        refused: Counter[str] = Counter()
        seen = snapshots(connection, campaign, due, flow, policy, now)
        for row in due:
            match judge(seen[row["id"]]):
                case Refusal() as refusal:
                    refuse(connection, campaign.id, row["id"], "enqueue", refusal, now)
                    refused[refusal.rule] += 1
                case Pass():
                    ids.append(_admit_one(connection, campaign, row, now))
        connection.execute(update(campaigns).where(campaigns.c.id == campaign.id).values(admitted_at=now))
        return Admitted(tuple(ids), refused)


def refuse(
    connection: Connection, campaign_id: str, contact_id: int, stage: str, refusal: Refusal, now: datetime
) -> None:
    """Note a gate's refusal: the contact waits until the rule allows it, or is refused for good."""
    row = {"campaign_id": campaign_id, "contact_id": contact_id, "at": now, "stage": stage, "rule": refusal.rule}
    connection.execute(insert(gate_log), {**row, "evidence": dict(refusal.evidence), "until": refusal.until})
    change = (
        {"state": "waiting", "due_at": refusal.until}
        if refusal.until is not None
        else {"state": "refused", "rule": refusal.rule, "evidence": dict(refusal.evidence), "settled_at": now}
    )
    connection.execute(update(contacts).where(contacts.c.id == contact_id).values(change))


def hold_trunk(connection: Connection, name: str) -> RowMapping:
    """The trunk's row, made when it is missing and held until the transaction ends."""
    blank = {"name": name, "failures": 0, "opened": 0, "probe": "", "why": "", "open_until": None, "next_dial_at": None}
    insert_unless_there(connection, trunks, blank)
    query = select(trunks).where(trunks.c.name == name).with_for_update()
    return connection.execute(query).mappings().one()


def attempt_to_hand_over(connection: Connection, waiting_since: datetime, most: int) -> Sequence[RowMapping]:
    """Attempts that are queued and were handed over before `waiting_since`."""
    query = (
        select(attempts.c.id, attempts.c.trunk, attempts.c.handed)
        .where(attempts.c.state == "queued", attempts.c.handed_at < waiting_since)
        .order_by(attempts.c.handed_at)
        .limit(most)
    )
    return connection.execute(query).mappings().all()


def all_over(store: Store) -> bool:
    """No running campaign has a contact that waits or is under way, and no attempt is open."""
    busy = (
        select(contacts.c.id)
        .join(campaigns, campaigns.c.id == contacts.c.campaign_id)
        .where(campaigns.c.state == "running", contacts.c.state.in_(("waiting", "admitted")))
        .limit(1)
    )
    open_ = select(attempts.c.id).limit(1)
    with store.reading() as connection:
        return (
            connection.execute(busy).first() is None
            and connection.execute(open_.where(attempts.c.state.in_(OPEN))).first() is None
        )


def _room(connection: Connection, campaign: book.Campaign, policy: Policy, trunk: Trunk, channels: int) -> int:
    """How many attempts may be added. A campaign's own limit counts attempts admitted, so it is never exceeded; trunk
    and installation keep as many ahead as they have channels, their limits hold at the claim and before the INVITE.
    """
    open_ = select(func.count()).select_from(attempts).where(attempts.c.state.in_(OPEN))
    everywhere = connection.execute(open_).scalar_one()
    on_trunk = connection.execute(open_.where(attempts.c.trunk == trunk.name)).scalar_one()
    own = connection.execute(open_.where(attempts.c.campaign_id == campaign.id)).scalar_one()
    ahead = 2 * min(channels, policy.channels)
    room = min(campaign.plan.channels - own, 2 * min(trunk.channels, channels) - on_trunk, ahead - everywhere)
    if campaign.plan.budget is not None and campaign.dials < campaign.plan.budget:
        room = min(room, campaign.plan.budget - campaign.dials - own)
    return room


def _due(
    connection: Connection, campaign: book.Campaign, policy: Policy, now: datetime, most: int
) -> Sequence[RowMapping]:
    """The contacts that are due, the longest due first, in zones whose hours are open."""
    limits = policy.limits(campaign.kind)
    hours, holidays = windows(campaign.plan, limits), on_holidays(campaign.plan, limits)
    found: list[RowMapping] = []
    for zone in campaign.zones:
        if not open_at(now, tuple(zone.split(",")), hours, holidays):
            continue
        mine = (contacts.c.campaign_id == campaign.id, contacts.c.state == "waiting", contacts.c.zone == zone)
        query = select(contacts).where(*mine, contacts.c.due_at <= now).order_by(contacts.c.due_at).limit(most)
        found += connection.execute(query).mappings().all()
    return sorted(found, key=lambda row: (row["due_at"], row["id"]))[:most]


def _admit_one(connection: Connection, campaign: book.Campaign, row: RowMapping, now: datetime) -> str:
    n = row["attempts"] + 1
    attempt_id = f"{row['id']}:{n}"
    changed = connection.execute(
        update(contacts)
        .where(contacts.c.id == row["id"], contacts.c.state == "waiting", contacts.c.attempts == n - 1)
        .values(state="admitted", attempts=n)
    )
    if changed.rowcount != 1:  # held by the campaign's row; a fault of ours, not of the network
        raise CampaignFault(f"contact {row['id']} was admitted by somebody else", permanent=False)
    connection.execute(
        insert(attempts),
        {
            "id": attempt_id,
            "campaign_id": campaign.id,
            "contact_id": row["id"],
            "n": n,
            "kind": _kind(row),
            "number": row["number"],
            "trunk": campaign.trunk,
            "state": "queued",
            "queued_at": now,
            "handed": 1,
            "handed_at": now,
            "host": "",
            "token": "",
            "call_id": "",
            "disposition": "",
            "rule": "",
            "evidence": {},
            "decided_by": "",
            "note": "",
        },
    )
    return attempt_id


def _kind(row: RowMapping) -> str:
    if row["wish_call_id"]:
        return "wish"
    if row["outcome"] == "unknown":
        return "redial"
    return "retry" if row["dials"] else "first"
